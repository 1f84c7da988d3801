using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Text;
using CudaNet.IO;

namespace CudaNet.Tests.IO;

/// <summary>Reads files that PyTorch 1.13 wrote, by tests/golden/make_pt.py, and files that nobody should trust.</summary>
[TestFixture]
public sealed class PyTorchFileTests
{
    [Test]
    public void Every_dtype_is_read()
    {
        var arrays = Golden("dtypes").Arrays;
        DType[] types =
        [
            DType.Float32,
            DType.Float64,
            DType.Float16,
            DType.BFloat16,
            DType.Int64,
            DType.Int32,
            DType.UInt8,
            DType.Bool,
        ];
        Assert.That(arrays.Select(array => array.Type), Is.EqualTo(types));
        foreach (var array in arrays)
        {
            Assert.That(array.Shape, Is.EqualTo(new long[] { 2, 3, 4 }), array.Name);
            var values = array.ToTensor().Cast(DType.Float64).ToArray<double>();
            Assert.That(values, Is.EqualTo(Enumerable.Range(0, 24).Select(i => Ramp(i, array.Type))), array.Name);
        }
    }

    [Test]
    public void Views_of_a_storage_become_arrays_of_their_own()
    {
        var arrays = Golden("views").Arrays.ToDictionary(array => array.Name);
        Assert.That(arrays["base"].Shape, Is.EqualTo(new long[] { 4, 6 }));
        Check("base", [.. Enumerable.Range(0, 24)]);
        Check("tied", [.. Enumerable.Range(0, 24)]);
        Check("transposed", [.. from x in Enumerable.Range(0, 6) from y in Enumerable.Range(0, 4) select 6 * y + x]);
        Check("column", [2, 8, 14, 20]);
        Check("block", [8, 9, 10, 14, 15, 16]);
        Check("every_second", [0, 3, 12, 15]);
        Check("expanded", [0, 1, 0, 1, 0, 1]);
        Check("scalar", [7]);
        Check("empty", []);
        Assert.That(arrays["transposed"].Shape, Is.EqualTo(new long[] { 6, 4 }));
        Assert.That(arrays["scalar"].Shape, Is.Empty);
        Assert.That(arrays["empty"].Shape, Is.EqualTo(new long[] { 4, 0 }));
        Assert.That(arrays["tied"].Bytes, Is.Not.SameAs(arrays["base"].Bytes), "arrays may be changed one by one");

        void Check(string name, int[] places) =>
            Assert.That(
                MemoryMarshal.Cast<byte, float>(arrays[name].Bytes).ToArray(),
                Is.EqualTo(places.Select(place => place / 8f - 1)),
                name
            );
    }

    [Test]
    public void Nested_contents_have_names_with_dots()
    {
        var contents = Golden("training");
        var names = contents.Arrays.Select(array => array.Name).ToList();
        Assert.That(
            names,
            Is.SupersetOf(
                new[]
                {
                    "model.0.weight",
                    "model.0.bias",
                    "model.1.running_mean",
                    "model.1.num_batches_tracked",
                    "optimizer.state.0.exp_avg",
                    "optimizer.state.3.exp_avg_sq",
                    "parameter",
                }
            )
        );
        Assert.That(names, Is.Unique);
        Assert.That(contents.Arrays.Single(array => array.Name == "parameter").Type, Is.EqualTo(DType.Float64));
        var values = contents.Values;
        Assert.That(values["epoch"], Is.EqualTo(7L));
        Assert.That(values["best"], Is.EqualTo(0.5));
        Assert.That(values["note"], Is.EqualTo("größer"));
        Assert.That(values["finished"], Is.EqualTo(false));
        Assert.That(values["seed"], Is.EqualTo(long.MaxValue));
        Assert.That(values["optimizer.param_groups.0.lr"], Is.EqualTo(0.25));
        Assert.That(values["history.1"], Is.EqualTo(2.5));
        Assert.That(values["history.2.0"], Is.EqualTo("a"));
        Assert.That(values["history.2.1.1"], Is.EqualTo(3L));
        Assert.That(values, Does.Not.ContainKey("none"));
    }

    [Test]
    public void Newer_protocols_are_read()
    {
        var contents = Golden("protocol4");
        Assert.That(contents.Arrays.Single().Shape, Is.EqualTo(new long[] { 3 }));
        Assert.That(contents.Values["text"], Is.EqualTo(new string('t', 300)));
    }

    [Test]
    public void Files_from_before_the_archive_are_read()
    {
        var contents = Golden("legacy");
        Assert.That(contents.Values["n"], Is.EqualTo(5L));
        Assert.That(contents.Arrays.Select(array => array.Name), Is.EqualTo(new[] { "x", "y", "half" }));
        var x = MemoryMarshal.Cast<byte, float>(contents.Arrays[0].Bytes).ToArray();
        var y = MemoryMarshal.Cast<byte, float>(contents.Arrays[1].Bytes).ToArray();
        Assert.That(x, Is.EqualTo(Enumerable.Range(0, 24).Select(i => i / 8f - 1)));
        Assert.That(y[..4], Is.EqualTo(new[] { x[0], x[6], x[12], x[18] }));
        Assert.That(contents.Arrays[2].Type, Is.EqualTo(DType.Float16));
        Assert.That(
            contents.Arrays[2].ToTensor().Cast(DType.Float64).ToArray<double>(),
            Is.EqualTo(Enumerable.Range(0, 4).Select(i => i / 8.0 - 1))
        );
    }

    [TestCase("int8", "CharStorage", ".to(dtype)")]
    [TestCase("model", "Sequential", "state_dict()")]
    public void What_cannot_be_read_is_named_with_advice(string file, string found, string advice)
    {
        var error = Assert.Throws<CorruptFileException>(() => Golden(file))!;
        Assert.That(error.Message, Does.Contain($"pytorch_{file}.pt").And.Contain(found).And.Contain(advice));
    }

    [Test]
    public void Nothing_is_executed()
    {
        // The pickle that every warning about pickles shows: os.system('touch …').
        Refuses("cposix\nsystem\n(X\u0005\0\0\0touchtR.", "'posix.system'");
        Refuses("cbuiltins\neval\n(X\u0001\0\0\0\u0031tR.", "'builtins.eval'");
        Refuses("\u0080\u0004\u008c\u0002os\u008c\u0006system\u0093\u008c\u0001x\u0085R.", "'os.system'");
        Refuses("(cos\nsystem\nX\u0001\0\0\0xo.", "0x6f");
        Refuses("c__main__\nA\n)\u0081.", "'__main__.A'");
        Refuses("ctorch._utils\n_rebuild_tensor_v2\n(K\u0001K\u0002K\u0003K\u0004tR.", "storage");
    }

    [Test]
    public void Small_files_that_stand_for_much_are_refused_before_it_is_made()
    {
        // A list that holds itself.
        Refuses("]q\0h\0a.", "levels");
        // Lists of ten of the one before: 10^12 leaves.
        var laughs = new StringBuilder("K\u0001q\0");
        for (var level = 0; level < 12; level++)
            laughs.Append("(").Insert(laughs.Length, "h\0", 10).Append("lq\0");
        Refuses($"{laughs}.", "in memory");
        // A dictionary for every byte.
        Refuses($"({new string('}', 2_000_000)}t.", "in memory");
        // A tensor of 2^40 elements that are all the same one.
        Refuses(Tensor("(\u008a\u0006\0\0\0\0\0\u0001t", "(K\0t", 1), "in memory", new byte[4]);
        // Beyond the storage, and so far beyond that the sum overflows.
        Refuses(Tensor("(K\u0003t", "(K\u0001t", 2), "below 2", new byte[8]);
        var far = "(\u008a\u0008\0\0\0\0\0\0\0\u0040t";
        Refuses(Tensor("(K\u0003t", far, 2), "below 2", new byte[8]);
        Refuses(Tensor("(K\u0001t", "(K\u0001t", 9), "9 elements", new byte[8]);
    }

    [Test]
    public void Compressed_and_overlapping_entries_are_refused()
    {
        var bomb = Archive("K\u0001.", new byte[1_000_000], CompressionLevel.SmallestSize);
        Assert.That(bomb, Has.Length.LessThan(5000));
        Assert.That(
            Assert.Throws<CorruptFileException>(() => PyTorchFile.Read(new MemoryStream(bomb)))!.Message,
            Does.Contain("zip -0")
        );
    }

    /// <summary>A pickle of one tensor of a storage '0'.</summary>
    private static string Tensor(string shape, string strides, int count) =>
        "ctorch._utils\n_rebuild_tensor_v2\n((X\u0007\0\0\0storagectorch\nFloatStorage\nX\u0001\0\0\0\u0030X\u0003\0\0\0cpu"
        + $"K{(char)count}tQK\0{shape}{strides}\u0089NtR.";

    private static void Refuses(string pickle, string says, byte[]? storage = null)
    {
        var file = Archive(pickle, storage ?? [], CompressionLevel.NoCompression);
        var before = GC.GetAllocatedBytesForCurrentThread();
        var error = Assert.Throws<CorruptFileException>(() => PyTorchFile.Read(new MemoryStream(file), "x.pt"))!;
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.That(error.Message, Does.StartWith("x.pt").And.Contain(says));
        Assert.That(allocated, Is.LessThan(4 * file.Length + (2 << 20)), says);
    }

    /// <summary>A file of one u8 tensor.</summary>
    internal static byte[] OneTensor(byte[] values)
    {
        var size = System.Text.Encoding.Latin1.GetString(BitConverter.GetBytes(values.Length));
        return Archive(
            "}X\u0001\0\0\0actorch._utils\n_rebuild_tensor_v2\n((X\u0007\0\0\0storagectorch\nByteStorage\nX\u0001\0\0\0\u0030X\u0003\0\0\0cpu"
                + $"J{size}tQK\0(J{size}t(K\u0001t\u0089NtRs.",
            values,
            CompressionLevel.NoCompression
        );
    }

    internal static byte[] Archive(string pickle, byte[] storage, CompressionLevel level)
    {
        using var stream = new MemoryStream();
        using (var archive = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
        {
            Add("x/data.pkl", Encoding.Latin1.GetBytes(pickle));
            Add("x/data/0", storage);

            void Add(string name, byte[] contents)
            {
                using var entry = archive.CreateEntry(name, level).Open();
                entry.Write(contents);
            }
        }
        return stream.ToArray();
    }

    private static double Ramp(int i, DType type) =>
        type == DType.Bool ? (i % 3 == 0 ? 1 : 0)
        : type == DType.UInt8 ? i
        : type.IsFloating ? i / 8.0 - 1
        : i - 3;

    private static PyTorchContents Golden(string name) =>
        PyTorchFile.Read(Path.Combine(RepositoryRoot.Find(), "tests", "golden", $"pytorch_{name}.pt"));
}
