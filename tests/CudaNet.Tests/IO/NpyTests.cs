using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using CudaNet.IO;
using NUnit.Framework;

namespace CudaNet.Tests.IO;

public sealed class NpyTests
{
    [Test]
    public void Every_type_comes_back([Values] bool compress)
    {
        using var folder = new TemporaryFolder();
        List<NamedArray> arrays = Samples.AllTypes(withBFloat16: false);
        Npz.Write(folder.File("a.npz"), arrays, compress);
        Samples.AssertSame(Npz.Read(folder.File("a.npz")), arrays);
        NamedArray one = Samples.Make("one", DType.Int64, 2, 3, 4);
        Npy.Write(folder.File("one.npy"), one);
        Samples.AssertSame([Npy.Read(folder.File("one.npy"))], [one]);
    }

    [Test]
    public void The_same_arrays_make_the_same_file_aligned_to_64()
    {
        using var first = new MemoryStream();
        using var second = new MemoryStream();
        Npz.Write(first, Samples.AllTypes(false));
        Npz.Write(second, Samples.AllTypes(false));
        Assert.That(first.ToArray(), Is.EqualTo(second.ToArray()));
        using var npy = new MemoryStream();
        Npy.Write(npy, Samples.Make("a", DType.Float32, 7));
        Assert.That((npy.Length - 28) % 64, Is.Zero);
    }

    [Test]
    public void Large_arrays_pass_through_the_growing_buffer([Values] bool compress)
    {
        NamedArray large = Samples.Make("large", DType.UInt8, 3_000_001);
        using var stream = new MemoryStream();
        Npz.Write(stream, [large], compress);
        stream.Position = 0;
        Samples.AssertSame(Npz.Read(stream), [large]);
    }

    [Test]
    public void Bfloat16_and_repeated_names_are_refused()
    {
        using var stream = new MemoryStream();
        NamedArray a = Samples.Make("a", DType.Float32, 1);
        Assert.Throws<ArgumentException>(() => Npz.Write(stream, [Samples.Make("b", DType.BFloat16, 1)]));
        Assert.Throws<ArgumentException>(() => Npz.Write(stream, [a, a]));
        Assert.That(stream.Length, Is.Zero);
    }

    // 2 x 3 values 1..6 in C order, as each header describes them.
    [TestCase("{'descr': '<i4', 'fortran_order': False, 'shape': (2, 3), }", 1)]
    [TestCase("{'descr': '<i4', 'fortran_order': False, 'shape': (2, 3), }\n", 2)]
    [TestCase("{\"shape\":(2,3),\"descr\":\"<i4\",\"fortran_order\":False}  \n", 3)]
    [TestCase("{'descr': '>i4', 'fortran_order': False, 'shape': (2L, 3L)}\n", 1)]
    [TestCase("{'descr': '<i4', 'fortran_order': True, 'shape': (2, 3), }\n", 1)]
    [TestCase("{'descr': '>i4', 'fortran_order': True, 'shape': (2, 3), }\n", 3)]
    public void Orders_and_versions_are_understood(string header, int version)
    {
        bool big = header.Contains(">i4", StringComparison.Ordinal);
        int[] values = header.Contains("True", StringComparison.Ordinal) ? [1, 4, 2, 5, 3, 6] : [1, 2, 3, 4, 5, 6];
        byte[] data =
        [
            .. values.SelectMany(v => BitConverter.GetBytes(big ? BinaryPrimitives.ReverseEndianness(v) : v)),
        ];
        byte[] file = Build(header, version, data);
        NamedArray array = Npy.Read(new MemoryStream(file), file.Length);
        Assert.Multiple(() =>
        {
            Assert.That(array.Shape, Is.EqualTo(new long[] { 2, 3 }));
            int[] got = [.. Enumerable.Range(0, 6).Select(i => BitConverter.ToInt32(array.Bytes, 4 * i))];
            Assert.That(got, Is.EqualTo(new[] { 1, 2, 3, 4, 5, 6 }));
        });
    }

    [Test]
    public void Fortran_order_of_three_dimensions_is_transposed()
    {
        // Element (i, j, k) of shape (2, 3, 4) holds 100 i + 10 j + k.
        var data = new byte[24];
        for (int i = 0; i < 24; i++)
        {
            data[i] = (byte)((100 * (i % 2)) + (10 * (i / 2 % 3)) + (i / 6));
        }

        byte[] file = Build("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3, 4), }", 1, data);
        NamedArray array = Npy.Read(new MemoryStream(file), file.Length);
        byte[] expected =
        [
            .. Enumerable.Range(0, 24).Select(n => (byte)((100 * (n / 12)) + (10 * (n / 4 % 3)) + (n % 4))),
        ];
        Assert.That(array.Bytes, Is.EqualTo(expected));
    }

    [TestCase("{'descr': '<f16', 'fortran_order': False, 'shape': (1,), }", "f4, f8, f2, i8, i4, u1 and b1")]
    [TestCase("{'descr': '|i1', 'fortran_order': False, 'shape': (1,), }", "astype")]
    [TestCase("{'descr': '|V2', 'fortran_order': False, 'shape': (1,), }", "astype")]
    [TestCase("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", "structured")]
    [TestCase("{'descr': '<f4', 'fortran_order': 1, 'shape': (1,), }", "True or False")]
    [TestCase("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", "dimension")]
    [TestCase("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }", "dimension")]
    [TestCase("{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904,), }", "2^63")]
    [TestCase("{'descr': '<f4', 'fortran_order': False, 'shape': (2305843009213693951,), }", "bytes of data")]
    [TestCase("{'descr': '<f4', 'fortran_order': False}", "no shape")]
    [TestCase("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': ()}", "once each")]
    [TestCase("{'descr': '<f4', 'fortran_order': False, 'shape': (), 'x': 1}", "key 'x'")]
    [TestCase("{'descr': '<f4', 'fortran_order': False, 'shape': ()} 1", "end of the header")]
    [TestCase("{'descr': '<f4', 'fortran_order': False, 'shape': (1", "')'")]
    [TestCase("{'descr", "quoted string")]
    [TestCase("", "'{'")]
    public void Headers_out_of_bounds_are_refused(string header, string says)
    {
        byte[] file = Build(header, 1, new byte[4]);
        long before = GC.GetAllocatedBytesForCurrentThread();
        var error = Assert.Throws<CorruptFileException>(() => Npy.Read(new MemoryStream(file), file.Length, "x.npy"));
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(200_000));
        Assert.That(error!.Message, Does.StartWith("x.npy").And.Contain(says));
    }

    [Test]
    public void Damage_is_refused_with_the_typed_exception([Values("npy", "stored", "deflated")] string kind)
    {
        using var stream = new MemoryStream();
        NamedArray[] arrays = [Samples.Make("w", DType.Float32, 2, 2), Samples.Make("m", DType.Bool, 3)];
        if (kind == "npy")
        {
            Npy.Write(stream, arrays[1]);
            Samples.Damage(stream.ToArray(), s => Npy.Read(s, s.Length));
        }
        else
        {
            Npz.Write(stream, arrays, kind == "deflated");
            Samples.Damage(stream.ToArray(), s => Npz.Read(s));
        }
    }

    [Test]
    public void A_zip_bomb_is_refused_before_memory_is_spent()
    {
        // The header asks for 1 GiB; the entry holds a few bytes, then (second case) the 200 MB of zeros it declares.
        foreach (long size in new long[] { 64, 200_000_000 })
        {
            using var stream = new MemoryStream();
            using (var zip = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
            {
                using Stream entry = zip.CreateEntry("a.npy", CompressionLevel.Fastest).Open();
                entry.Write(Build("{'descr': '|u1', 'fortran_order': False, 'shape': (1073741824,), }", 1, []));
                var zeros = new byte[1_000_000];
                for (long left = size; left > 0; left -= zeros.Length)
                {
                    entry.Write(zeros.AsSpan(0, (int)Math.Min(left, zeros.Length)));
                }
            }

            stream.Position = 0;
            long before = GC.GetAllocatedBytesForCurrentThread();
            Assert.Throws<CorruptFileException>(() => Npz.Read(stream));
            Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(3_000_000));
        }
    }

    [Test]
    public void The_callers_limit_and_foreign_entries_are_refused()
    {
        using var stream = new MemoryStream();
        Npz.Write(stream, [Samples.Make("a", DType.UInt8, 1000)], compress: true);
        Assert.Throws<CorruptFileException>(() => Npz.Read(stream, "x", maxBytes: 1000));
        using var other = new MemoryStream();
        using (var zip = new ZipArchive(other, ZipArchiveMode.Create, leaveOpen: true))
        {
            zip.CreateEntry("readme.txt").Open().Dispose();
        }

        Assert.Throws<CorruptFileException>(() => Npz.Read(other));
    }

    private static byte[] Build(string header, int version, byte[] data)
    {
        byte[] text = Encoding.UTF8.GetBytes(header);
        byte[] length = version == 1 ? BitConverter.GetBytes((ushort)text.Length) : BitConverter.GetBytes(text.Length);
        return
        [
            0x93,
            (byte)'N',
            (byte)'U',
            (byte)'M',
            (byte)'P',
            (byte)'Y',
            (byte)version,
            0,
            .. length,
            .. text,
            .. data,
        ];
    }
}
