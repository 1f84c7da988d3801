using System.IO.Compression;
using System.Text;
using CudaNet.Data;
using CudaNet.IO;
using CudaNet.Random;

namespace CudaNet.Tests.IO;

/// <summary>
/// Damaged files are read correctly or refused with <see cref="CorruptFileException"/>, quickly, and for at most four times their size (or that of what was read) plus half a megabyte,
/// which is what buffers, the archive reader and an exception take. The first of these files that fails is written beside the test's results.
/// </summary>
[TestFixture]
public sealed class FuzzTests
{
    private const int Few = 300;
    private const int Many = 10_000;
    private const long Fixed = 1 << 19;

    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(2);

    public static IEnumerable<string> Formats => s_formats.Keys;

    private static readonly Dictionary<
        string,
        (Func<IReadOnlyList<byte[]>> Files, Func<byte[], long> Read, Action<byte[]> Repair)
    > s_formats = new()
    {
        ["safetensors"] = (SafetensorsFiles, file => Size(Safetensors.Read(new MemoryStream(file)).Arrays), Nothing),
        ["npz"] = (NpzFiles, file => Size(Npz.Read(new MemoryStream(file))), FileMutations.RepairZip),
        ["pt"] = (PyTorchFiles, file => Size(PyTorchFile.Read(new MemoryStream(file)).Arrays), FileMutations.RepairZip),
        ["idx"] = (IdxFiles, file => Idx.Read(new MemoryStream(file)).Bytes.Length, Nothing),
        ["png"] = (PngFiles, file => PngReader.Read(file).Pixels.Length, FileMutations.RepairPng),
        ["csv"] = (CsvFiles, file => Size(Csv.Read(new MemoryStream(file)).Columns.Select(c => c.Values)), Nothing),
        ["netpbm"] = (NetpbmFiles, file => Netpbm.Read(file).Pixels.Length, Nothing),
    };

    [TestCaseSource(nameof(Formats))]
    public void A_few_hundred_damaged_files(string format) => Run(format, Few, seed: 1);

    [TestCaseSource(nameof(Formats))]
    [Category("Verify")]
    public void Ten_thousand_damaged_files(string format) => Run(format, Many, seed: 2);

    [TestCaseSource(nameof(Formats))]
    public void Undamaged_files_are_read(string format)
    {
        var (files, read, _) = s_formats[format];
        foreach (var file in files())
            Assert.That(read(file), Is.GreaterThan(0));
    }

    [Test]
    public void Large_files_take_at_most_four_times_their_size()
    {
        var bytes = new byte[1 << 21];
        var random = new PhiloxStream(3, 0);
        for (var i = 0; i < bytes.Length; i++)
            bytes[i] = (byte)random.NextUInt();
        var array = new NamedArray("a", DType.UInt8, [bytes.Length], bytes);
        using var safetensors = new MemoryStream();
        Safetensors.Write(safetensors, [array]);
        using var npz = new MemoryStream();
        Npz.Write(npz, [array], compress: true);
        (string Format, byte[] File)[] files =
        [
            ("safetensors", safetensors.ToArray()),
            ("npz", npz.ToArray()),
            ("pt", PyTorchFileTests.OneTensor(bytes)),
            ("idx", [0, 0, 8, 1, 0, 0x20, 0, 0, .. bytes]),
            ("png", new Picture(bytes, 2048, 1024).ToPng()),
            ("netpbm", [.. "P5 2048 1024 255\n"u8, .. bytes]),
            ("csv", [.. "a,b\n"u8, .. Enumerable.Repeat("1,0.5\n"u8.ToArray(), 300_000).SelectMany(line => line)]),
        ];
        foreach (var (format, file) in files)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            var result = s_formats[format].Read(file);
            var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            TestContext.Out.WriteLine($"{format}: {(double)allocated / file.Length:F2} times the file");
            Assert.That(result, Is.GreaterThan(file.Length / 2), format);
            Assert.That(allocated, Is.LessThan(4L * file.Length), format);
        }
    }

    private static void Run(string format, int count, ulong seed)
    {
        var (files, read, repair) = s_formats[format];
        var originals = files();
        var (correct, refused) = (0, 0);
        // The first reads of a format load code, which is not the files' doing.
        read(originals[0]);
        for (var i = 0; i < count; i++)
        {
            var random = new PhiloxStream(seed, (ulong)i);
            var file = FileMutations.Of(originals[i % originals.Count], ref random);
            if (random.NextInt(2) == 0)
                repair(file);
            var watch = System.Diagnostics.Stopwatch.StartNew();
            var before = GC.GetAllocatedBytesForCurrentThread();
            var result = 0L;
            try
            {
                result = read(file);
                correct++;
            }
            catch (CorruptFileException)
            {
                refused++;
            }
            catch (Exception e)
            {
                throw new AssertionException($"{Describe()}: {e}", e);
            }
            var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            var most = 4 * Math.Max(file.LongLength, result) + Fixed;
            if (allocated > most)
                Assert.Fail(
                    $"{Describe()}: took {FileMutations.Size(allocated)} bytes for a file of {FileMutations.Size(file.Length)}"
                );
            if (watch.Elapsed > s_limit)
                Assert.Fail($"{Describe()}: took {watch.Elapsed.TotalSeconds:F1} s");

            string Describe()
            {
                var path = Path.Combine(TestContext.CurrentContext.WorkDirectory, $"fuzz-{format}.bin");
                File.WriteAllBytes(path, file);
                return $"{format} file {i} of seed {seed} ({path})";
            }
        }
        TestContext.Out.WriteLine($"{format}: {correct} read, {refused} refused");
        Assert.That(refused, Is.GreaterThan(count / 20), "most damage must be noticed");
    }

    private static void Nothing(byte[] file) { }

    private static long Size(IEnumerable<NamedArray> arrays) => arrays.Sum(array => array.Bytes.LongLength);

    private static List<byte[]> SafetensorsFiles()
    {
        using var stream = new MemoryStream();
        Safetensors.Write(stream, Samples.AllTypes(withBFloat16: true), new Dictionary<string, string> { ["a"] = "b" });
        using var small = new MemoryStream();
        Safetensors.Write(small, [Samples.Make("w", DType.Float32, 3)]);
        return [stream.ToArray(), small.ToArray()];
    }

    private static List<byte[]> NpzFiles()
    {
        var files = new List<byte[]>();
        foreach (var compress in new[] { false, true })
        {
            using var stream = new MemoryStream();
            Npz.Write(stream, [Samples.Make("a", DType.Float32, 4, 5), Samples.Make("b", DType.Bool, 7)], compress);
            files.Add(stream.ToArray());
        }
        files.Add(Golden("numpy.npz"));
        return files;
    }

    private static List<byte[]> PyTorchFiles() =>
        [
            Golden("pytorch_views.pt"),
            Golden("pytorch_dtypes.pt"),
            Golden("pytorch_training.pt"),
            Golden("pytorch_protocol4.pt"),
            Golden("pytorch_legacy.pt"),
        ];

    private static List<byte[]> IdxFiles() =>
        [
            [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, .. Enumerable.Range(0, 24).Select(i => (byte)i)],
            [0, 0, 8, 1, 0, 0, 0, 5, 1, 2, 3, 4, 5],
        ];

    private static List<byte[]> PngFiles()
    {
        var random = new PhiloxStream(1, 0);
        var pixels = new byte[20 * 10 * 3];
        foreach (ref var pixel in pixels.AsSpan())
            pixel = (byte)random.NextUInt();
        return
        [
            new Picture(pixels, 20, 10, 3).ToPng(),
            new Picture(pixels, 20, 30).ToPng(),
            new Picture([7], 1, 1).ToPng(),
        ];
    }

    private static List<byte[]> NetpbmFiles() =>
        [
            [.. "P5 4 3 255\n"u8, .. Enumerable.Range(0, 12).Select(i => (byte)(i * 20))],
            [.. "P6\n# c\n2 2\n1000\n"u8, .. new byte[24]],
            [.. "P3 2 2 15 1 2 3 4 5 6 7 8 9 10 11 12"u8],
        ];

    private static List<byte[]> CsvFiles()
    {
        var text = new StringBuilder("id,\"the, height\",name,flag\r\n");
        for (var i = 0; i < 20; i++)
            text.Append(i)
                .Append(',')
                .Append(i / 8.0)
                .Append(i % 2 == 0 ? ",\"A \"\"b\"\"\n\"," : ",Grün,")
                .Append("1\r\n");
        return [Encoding.UTF8.GetBytes(text.ToString()), "a\n1\n2\n"u8.ToArray()];
    }

    private static byte[] Golden(string name) =>
        File.ReadAllBytes(Path.Combine(RepositoryRoot.Find(), "tests", "golden", name));
}
