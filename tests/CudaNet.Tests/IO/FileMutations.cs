using System.Buffers.Binary;
using System.Globalization;
using CudaNet.IO;
using CudaNet.Random;

namespace CudaNet.Tests.IO;

/// <summary>
/// Damages a file in ways that files are damaged, by chance or on purpose: flipped bits, cuts, repeated and removed pieces, and numbers of its header replaced by extreme ones.
/// </summary>
internal static class FileMutations
{
    private static readonly ulong[] s_extremes =
    [
        0,
        1,
        0x7F,
        0x80,
        0xFF,
        0x7FFF,
        0xFFFF,
        0x7FFF_FFFF,
        0x8000_0000,
        0xFFFF_FFFF,
        0x7FFF_FFFF_FFFF_FFFF,
        0x8000_0000_0000_0000,
        ulong.MaxValue,
    ];

    private static readonly string[] s_numbers =
    [
        "0",
        "-1",
        "99999999",
        "2147483648",
        "9223372036854775807",
        "18446744073709551616",
        "1e308",
        "\"",
        "",
        "\n",
        "[",
        "{",
    ];

    /// <summary>A damaged copy; the same for the same stream.</summary>
    public static byte[] Of(byte[] file, ref PhiloxStream random)
    {
        var copy = file;
        for (var i = random.NextInt(3); i >= 0; i--)
            copy = Once(copy, ref random);
        return copy;
    }

    private static byte[] Once(byte[] file, ref PhiloxStream random)
    {
        if (file.Length == 0)
            return [(byte)random.NextUInt()];
        var at = random.NextInt(file.Length);
        switch (random.NextInt(9))
        {
            case 0: // one bit
                return With(file, at, [(byte)(file[at] ^ (1 << random.NextInt(8)))]);
            case 1: // one byte
                return With(file, at, [(byte)random.NextUInt()]);
            case 2: // cut
                return file[..at];
            case 3: // a piece twice
                var end = Math.Min(file.Length, at + 1 + random.NextInt(64));
                return [.. file[..end], .. file[at..end], .. file[end..]];
            case 4: // a piece less
                return [.. file[..at], .. file[Math.Min(file.Length, at + 1 + random.NextInt(16))..]];
            case 5: // the whole file twice, or with something behind it
                return random.NextInt(2) == 0 ? [.. file, .. file] : [.. file, .. new byte[1 + random.NextInt(100)]];
            case 6: // a field of 1 to 8 bytes, in either byte order
                return With(file, at, Field(ref random));
            case 7: // digits become another number
                return Number(file, at, ref random);
            default: // a run of one value
                var run = new byte[1 + random.NextInt(32)];
                Array.Fill(run, (byte)random.NextUInt());
                return With(file, at, run);
        }
    }

    private static byte[] Field(ref PhiloxStream random)
    {
        var field = new byte[8];
        var value = s_extremes[random.NextInt(s_extremes.Length)];
        var size = 1 << random.NextInt(4);
        if (random.NextInt(2) == 0)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(field, value);
            return field[..size];
        }
        BinaryPrimitives.WriteUInt64BigEndian(field, value);
        return field[^size..];
    }

    private static byte[] Number(byte[] file, int at, ref PhiloxStream random)
    {
        var start = Array.FindIndex(file, at, b => char.IsAsciiDigit((char)b));
        if (start < 0)
            return file;
        var end = start;
        while (end < file.Length && char.IsAsciiDigit((char)file[end]))
            end++;
        var number = s_numbers[random.NextInt(s_numbers.Length)];
        return [.. file[..start], .. System.Text.Encoding.ASCII.GetBytes(number), .. file[end..]];
    }

    private static byte[] With(byte[] file, int at, ReadOnlySpan<byte> bytes)
    {
        var copy = file.ToArray();
        bytes[..Math.Min(bytes.Length, copy.Length - at)].CopyTo(copy.AsSpan(at));
        return copy;
    }

    /// <summary>Makes the checksums of a PNG file's chunks right again, as far as its chunks can be told.</summary>
    public static void RepairPng(byte[] png)
    {
        for (var at = 8; at + 12 <= png.Length; )
        {
            var length = BinaryPrimitives.ReadUInt32BigEndian(png.AsSpan(at));
            if (length > png.Length - at - 12)
                return;
            var named = png.AsSpan(at + 4, 4 + (int)length);
            BinaryPrimitives.WriteUInt32BigEndian(png.AsSpan(at + 8 + (int)length), Crc32.Append(0, named));
            at += 12 + (int)length;
        }
    }

    /// <summary>
    /// Makes the checksums of a zip archive's stored entries right again, where its directory can be followed, so that what lies behind the checksum is read too.
    /// </summary>
    public static void RepairZip(byte[] zip)
    {
        for (var at = 0; at + 46 <= zip.Length; at++)
        {
            var entry = zip.AsSpan(at);
            if (!entry.StartsWith("PK\u0001\u0002"u8))
                continue;
            long size = BinaryPrimitives.ReadUInt32LittleEndian(entry[20..]);
            long local = BinaryPrimitives.ReadUInt32LittleEndian(entry[42..]);
            if (local > zip.Length - 30 || BinaryPrimitives.ReadUInt16LittleEndian(entry[10..]) != 0)
                continue;
            var names = BinaryPrimitives.ReadUInt16LittleEndian(zip.AsSpan((int)local + 26));
            var extra = BinaryPrimitives.ReadUInt16LittleEndian(zip.AsSpan((int)local + 28));
            var start = local + 30 + names + extra;
            if (start + size > zip.Length)
                continue;
            var sum = Crc32.Append(0, zip.AsSpan((int)start, (int)size));
            BinaryPrimitives.WriteUInt32LittleEndian(entry[16..], sum);
            BinaryPrimitives.WriteUInt32LittleEndian(zip.AsSpan((int)local + 14), sum);
        }
    }

    /// <summary>A number of bytes for messages.</summary>
    public static string Size(long bytes) => bytes.ToString("N0", CultureInfo.InvariantCulture);
}
