using CudaNet.IO;

namespace CudaNet.Tests.IO;

[TestFixture]
public sealed class SafetensorsMapTests
{
    [Test]
    public void Arrays_of_every_type_are_read_where_they_are()
    {
        using var folder = new TemporaryFolder();
        var path = folder.File("a.safetensors");
        var arrays = Samples.AllTypes(withBFloat16: true);
        Safetensors.Write(path, arrays, new Dictionary<string, string> { ["format"] = "pt" });
        using var map = SafetensorsMap.Open(path);
        Assert.That(map.Metadata["format"], Is.EqualTo("pt"));
        Samples.AssertSame([.. map.Entries.Select(entry => map.Read(entry.Name))], arrays);
        Assert.That(map.Use(arrays[0].Name, bytes => bytes.Length), Is.EqualTo(arrays[0].Bytes.Length));
    }

    [Test]
    public void Tensors_are_filled_from_the_file()
    {
        using var folder = new TemporaryFolder();
        var path = folder.File("a.safetensors");
        Safetensors.Write(path, [Tensor.From<float>([1, 2, 3, 4, 5, 6], new Shape(2, 3)).ToNamedArray("w")]);
        using var map = SafetensorsMap.Open(path);
        Assert.That(map.ToTensor("w").ToArray<float>(), Is.EqualTo(new float[] { 1, 2, 3, 4, 5, 6 }));
        var target = Tensor.Zeros(new Shape(2, 3));
        map.CopyTo("w", target);
        Assert.That(target.ToArray<float>(), Is.EqualTo(new float[] { 1, 2, 3, 4, 5, 6 }));
        Assert.Throws<ShapeException>(() => map.CopyTo("w", Tensor.Zeros(new Shape(3, 2))));
        Assert.That(
            Assert.Throws<KeyNotFoundException>(() => map.Read("b"))!.Message,
            Does.Contain(path).And.Contain("'b'").And.Contain("w")
        );
    }

    [Test]
    public void Opening_reads_the_header_alone_and_damage_shows_at_once()
    {
        using var folder = new TemporaryFolder();
        var path = folder.File("a.safetensors");
        Safetensors.Write(path, [Samples.Make("large", DType.Float32, 1 << 20)]);
        var before = GC.GetAllocatedBytesForCurrentThread();
        using (var map = SafetensorsMap.Open(path))
            Assert.That(map["large"].Shape, Is.EqualTo(new long[] { 1 << 20 }));
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(1 << 18));

        File.WriteAllBytes(path, File.ReadAllBytes(path)[..^1]);
        Assert.Throws<CorruptFileException>(() => SafetensorsMap.Open(path));
    }

    [Test]
    public void Bytes_that_are_no_truth_values_are_found_when_used()
    {
        using var folder = new TemporaryFolder();
        var path = folder.File("a.safetensors");
        Safetensors.Write(path, [new NamedArray("b", DType.Bool, [2], [1, 0])]);
        var contents = File.ReadAllBytes(path);
        contents[^1] = 7;
        File.WriteAllBytes(path, contents);
        using var map = SafetensorsMap.Open(path);
        Assert.That(Assert.Throws<CorruptFileException>(() => map.Read("b"))!.Message, Does.Contain("found 7"));
    }

    [Test]
    public void A_file_that_is_closed_is_not_read()
    {
        using var folder = new TemporaryFolder();
        var path = folder.File("a.safetensors");
        Safetensors.Write(path, [Samples.Make("a", DType.Float32, 2)]);
        var map = SafetensorsMap.Open(path);
        map.Dispose();
        Assert.Throws<ObjectDisposedException>(() => map.Read("a"));
        Safetensors.Write(path, [Samples.Make("a", DType.Float32, 3)]);
    }
}
