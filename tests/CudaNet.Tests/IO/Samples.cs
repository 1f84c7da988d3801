using CudaNet.IO;
using NUnit.Framework;

namespace CudaNet.Tests.IO;

/// <summary>Arrays for the format tests, and the damage done to files.</summary>
internal static class Samples
{
    public static NamedArray Make(string name, DType type, params long[] shape)
    {
        Assert.That(ArraySizes.TryByteCount(shape, type.Size, out long count), Is.True);
        var bytes = new byte[count];
        for (int i = 0; i < bytes.Length; i++)
        {
            bytes[i] = type == DType.Bool ? (byte)(i % 2) : (byte)((i * 37) + 11);
        }

        return new NamedArray(name, type, shape, bytes);
    }

    public static List<NamedArray> AllTypes(bool withBFloat16)
    {
        var arrays = new List<NamedArray>();
        foreach (DType type in Enum.GetValues<DType>())
        {
            if (type != DType.BFloat16 || withBFloat16)
            {
                arrays.Add(Make($"{type} 2d/é", type, 3, 5));
                arrays.Add(Make($"{type} scalar", type));
                arrays.Add(Make($"{type} empty", type, 2, 0, 4));
            }
        }

        return arrays;
    }

    public static void AssertSame(IReadOnlyList<NamedArray> got, IReadOnlyList<NamedArray> expected)
    {
        Assert.That(got.Select(a => a.Name), Is.EquivalentTo(expected.Select(a => a.Name)));
        foreach (NamedArray want in expected)
        {
            NamedArray have = got.Single(a => a.Name == want.Name);
            Assert.Multiple(() =>
            {
                Assert.That(have.Type, Is.EqualTo(want.Type), want.Name);
                Assert.That(have.Shape, Is.EqualTo(want.Shape), want.Name);
                Assert.That(have.Bytes, Is.EqualTo(want.Bytes), want.Name);
            });
        }
    }

    /// <summary>
    /// Cuts a file at every length, lengthens it, and flips each bit and sets each byte to some values. Every variant
    /// must either be read or be refused with <see cref="CorruptFileException"/>; anything else escapes and fails.
    /// </summary>
    public static void Damage(byte[] file, Action<Stream> read, bool everyCutIsRefused = true)
    {
        for (int length = 0; length < file.Length; length++)
        {
            bool refused = IsRefused(file[..length], read, $"cut to {length} bytes");
            Assert.That(refused, Is.True.Or.EqualTo(everyCutIsRefused), $"cut to {length} of {file.Length} bytes");
        }

        IsRefused([.. file, 0], read, "one byte more");
        for (int at = 0; at < file.Length; at++)
        {
            foreach (int mask in new[] { 1, 2, 4, 8, 16, 32, 64, 128, 255, file[at], file[at] ^ 0x7F, file[at] ^ '9' })
            {
                byte[] copy = [.. file];
                copy[at] ^= (byte)mask;
                IsRefused(copy, read, $"byte {at} xor {mask}");
            }
        }
    }

    private static bool IsRefused(byte[] file, Action<Stream> read, string what)
    {
        try
        {
            read(new MemoryStream(file));
            return false;
        }
        catch (CorruptFileException)
        {
            return true;
        }
        catch (Exception error)
        {
            throw new AssertionException($"{what}: {error}", error);
        }
    }
}
