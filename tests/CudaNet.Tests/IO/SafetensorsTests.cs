using System.Buffers.Binary;
using System.Text;
using CudaNet.IO;
using NUnit.Framework;

namespace CudaNet.Tests.IO;

public sealed class SafetensorsTests
{
    [Test]
    public void Every_type_and_the_metadata_come_back()
    {
        using var folder = new TemporaryFolder();
        List<NamedArray> arrays = Samples.AllTypes(withBFloat16: true);
        var metadata = new Dictionary<string, string> { ["step"] = "17", ["größe \"x\"\n"] = "\u0001 日本" };
        Safetensors.Write(folder.File("a.safetensors"), arrays, metadata);
        SafetensorsFile file = Safetensors.Read(folder.File("a.safetensors"));
        Samples.AssertSame(file.Arrays, arrays);
        Assert.That(file.Metadata, Is.EquivalentTo(metadata));
        Assert.That(Directory.GetFiles(folder.Path), Has.Length.EqualTo(1), "no temporary file is left");
    }

    [Test]
    public void Data_is_aligned_and_single_arrays_can_be_read_at_an_offset()
    {
        using var stream = new MemoryStream();
        stream.Write(new byte[13]);
        Safetensors.Write(stream, [Samples.Make("u", DType.UInt8, 3), Samples.Make("d", DType.Float64, 2)]);
        stream.Position = 13;
        SafetensorsHeader header = Safetensors.ReadHeader(stream);
        SafetensorsEntry last = header.Entries[1];
        var bytes = new byte[3];
        Safetensors.ReadArray(stream, 13, header, last, bytes);
        Assert.Multiple(() =>
        {
            Assert.That(header.DataStart % 8, Is.Zero);
            Assert.That(header.Entries[0].Name, Is.EqualTo("d"), "larger elements come first");
            Assert.That(bytes, Is.EqualTo(Samples.Make("u", DType.UInt8, 3).Bytes));
        });
    }

    [Test]
    public void No_arrays_make_a_valid_file()
    {
        using var stream = new MemoryStream();
        Safetensors.Write(stream, []);
        stream.Position = 0;
        Assert.That(Safetensors.Read(stream).Arrays, Is.Empty);
    }

    [Test]
    public void Damage_is_refused_with_the_typed_exception()
    {
        using var stream = new MemoryStream();
        NamedArray[] arrays = [Samples.Make("w", DType.Float32, 2, 2), Samples.Make("m", DType.Bool, 3)];
        Safetensors.Write(stream, arrays, new Dictionary<string, string> { ["k"] = "v" });
        Samples.Damage(stream.ToArray(), s => Safetensors.Read(s));
    }

    private const string Good = """{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}""";

    [TestCase(Good, 2, null)]
    [TestCase(Good + "   ", 2, null)]
    [TestCase(Good, 3, "end of file")]
    [TestCase(Good, 1, "a.data_offsets")]
    [TestCase("[]", 0, "offset 8")]
    [TestCase(" {}", 0, "offset 8")]
    [TestCase("{} x", 0, "header")]
    [TestCase("""{"a":{"dtype":"U9","shape":[2],"data_offsets":[0,2]}}""", 2, "a.dtype")]
    [TestCase("""{"a":{"dtype":7,"shape":[2],"data_offsets":[0,2]}}""", 2, "a.dtype")]
    [TestCase("""{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,2]}}""", 2, "a.data_offsets")]
    [TestCase("""{"a":{"dtype":"U8","shape":[-2],"data_offsets":[0,2]}}""", 2, "a.shape")]
    [TestCase("""{"a":{"dtype":"U8","shape":[2.0],"data_offsets":[0,2]}}""", 2, "a.shape")]
    [TestCase("""{"a":{"dtype":"U8","shape":2,"data_offsets":[0,2]}}""", 2, "a.shape")]
    [TestCase("""{"a":{"dtype":"F64","shape":[4294967296,4294967296,0],"data_offsets":[0,0]}}""", 0, "a.shape")]
    [TestCase("""{"a":{"dtype":"F64","shape":[2305843009213693952],"data_offsets":[0,0]}}""", 0, "a.shape")]
    [TestCase("""{"a":{"dtype":"U8","shape":[2],"data_offsets":[2,0]}}""", 2, "a.data_offsets")]
    [TestCase("""{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,1,2]}}""", 2, "a.data_offsets")]
    [TestCase("""{"a":{"dtype":"U8","shape":[2],"data_offsets":[0]}}""", 2, "a.data_offsets")]
    [TestCase("""{"a":{"dtype":"U8","shape":[2]}}""", 2, "a")]
    [TestCase("""{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2],"x":1}}""", 2, "a")]
    [TestCase("""{"a":{"dtype":"U8","shape":[2],"shape":[2],"data_offsets":[0,2]}}""", 2, "a.shape")]
    [TestCase("""{"a":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}""", 3, "a.data_offsets")]
    [TestCase(
        """{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}""",
        3,
        "b.data_offsets"
    )]
    [TestCase(
        """{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[3,5]}}""",
        5,
        "b.data_offsets"
    )]
    [TestCase(
        """{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}""",
        0,
        "header key 'a'"
    )]
    [TestCase("""{"__metadata__":{"k":1}}""", 0, "__metadata__.k")]
    [TestCase("""{"__metadata__":[]}""", 0, "__metadata__")]
    [TestCase("""{"__metadata__":{"k":"1","k":"2"}}""", 0, "__metadata__.k")]
    [TestCase("""{"\ud800":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}""", 0, "header")]
    public void Each_rule_of_the_header_is_checked(string json, int dataBytes, string? where)
    {
        byte[] text = Encoding.UTF8.GetBytes(json);
        var file = new byte[8 + text.Length + dataBytes];
        BinaryPrimitives.WriteInt64LittleEndian(file, text.Length);
        text.CopyTo(file, 8);
        if (where is null)
        {
            Assert.That(Safetensors.Read(new MemoryStream(file)).Arrays, Has.Count.EqualTo(1));
            return;
        }

        CorruptFileException error = Assert.Throws<CorruptFileException>(() =>
            Safetensors.Read(new MemoryStream(file), "x.st")
        )!;
        Assert.Multiple(() =>
        {
            Assert.That(error.Where, Is.EqualTo(where));
            Assert.That(error.Message, Does.StartWith($"x.st: {where}: expected ").And.Contain("found"));
        });
    }

    [TestCase(0ul)]
    [TestCase(1ul)]
    [TestCase(3ul)]
    [TestCase(100_000_001ul)]
    [TestCase(ulong.MaxValue)]
    public void A_header_length_beyond_the_file_is_refused_without_allocating(ulong length)
    {
        var file = new byte[10];
        BinaryPrimitives.WriteUInt64LittleEndian(file, length);
        file[8] = (byte)'{';
        file[9] = (byte)'}';
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Throws<CorruptFileException>(() => Safetensors.Read(new MemoryStream(file)));
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(200_000));
    }

    [Test]
    public void Invalid_arrays_are_refused_and_the_old_file_stays()
    {
        using var folder = new TemporaryFolder();
        string path = folder.File("a.safetensors");
        NamedArray good = Samples.Make("a", DType.Float32, 2);
        Safetensors.Write(path, [good]);
        byte[] before = File.ReadAllBytes(path);
        NamedArray[][] bad =
        [
            [good, good],
            [good with { Name = "__metadata__" }],
            [good with { Name = "\ud800" }],
            [good with { Bytes = new byte[7] }],
            [good with { Shape = [-1] }],
            [good with { Shape = [long.MaxValue, 4] }],
        ];
        foreach (NamedArray[] arrays in bad)
        {
            Assert.Throws<ArgumentException>(() => Safetensors.Write(path, arrays));
        }

        Assert.That(File.ReadAllBytes(path), Is.EqualTo(before));
        Assert.That(Directory.GetFiles(folder.Path), Has.Length.EqualTo(1));
    }
}
