using CudaNet.Tests.IO;
using CudaNet.Training;

namespace CudaNet.Tests.Training;

[TestFixture]
public sealed class CheckpointTests
{
    [Test]
    public void Values_and_arrays_come_back()
    {
        using var folder = new TemporaryFolder();
        var state = new TrainingState();
        state.Section("a").Add("x", Tensor.From(new float[] { 1, float.NaN, -0f }));
        state.Section("b").Add("x", Tensor.From(new long[] { long.MinValue, 2 }, [2, 1]));
        state.Add("nan", double.NaN);
        state.Add("number", 0.1 + 0.2);
        state.Add("large", long.MaxValue);
        state.Add("text", "ä\n");
        Checkpoint.Save(folder.File("c"), state);
        var read = Checkpoint.Load(folder.File("c"));
        Assert.That(read.Number("nan"), Is.NaN);
        Assert.That(read.Number("number"), Is.EqualTo(0.1 + 0.2));
        Assert.That(read.Integer("large"), Is.EqualTo(long.MaxValue));
        Assert.That(read.Text("text"), Is.EqualTo("ä\n"));
        Assert.That(read.Section("a").Array("x").Bytes, Is.EqualTo(state.Section("a").Array("x").Bytes));
        Assert.That(read.Section("b").Array("x").Shape, Is.EqualTo(new long[] { 2, 1 }));
        Assert.That(read.Section("b").ArrayNames, Is.EqualTo(new[] { "x" }));
        Assert.Throws<CheckpointException>(() => read.Section("c").Array("x"));
        Assert.Throws<CheckpointException>(() => read.Integer("text"));
    }

    [TestCase("arrays.safetensors", 0, "checksum")]
    [TestCase("arrays.safetensors", -1, "checksum")]
    [TestCase("state.json", 0, "no JSON")]
    public void A_changed_byte_is_found(string file, int position, string says)
    {
        using var folder = new TemporaryFolder();
        Save(folder.File("c"), 1);
        var path = Path.Combine(folder.File("c"), file);
        var bytes = File.ReadAllBytes(path);
        bytes[position < 0 ? bytes.Length + position : position] ^= 0x10;
        File.WriteAllBytes(path, bytes);
        var error = Assert.Throws<CheckpointException>(() => Checkpoint.Load(folder.File("c")));
        Assert.That(error!.Message, Does.Contain(path).And.Contain(says).And.Contain("train without --resume"));
    }

    [TestCase("arrays.safetensors")]
    [TestCase("state.json")]
    public void A_file_that_is_cut_or_missing_is_found(string file)
    {
        using var folder = new TemporaryFolder();
        Save(folder.File("c"), 1);
        var path = Path.Combine(folder.File("c"), file);
        File.WriteAllBytes(path, File.ReadAllBytes(path)[..20]);
        Assert.That(
            Assert.Throws<CheckpointException>(() => Checkpoint.Load(folder.File("c")))!.Message,
            Does.Contain(path)
        );
        File.Delete(path);
        Assert.That(
            Assert.Throws<CheckpointException>(() => Checkpoint.Load(folder.File("c")))!.Message,
            Does.Contain(path).And.Contain("missing")
        );
    }

    [Test]
    public void None_at_all_is_said()
    {
        using var folder = new TemporaryFolder();
        Assert.That(Checkpoint.Exists(folder.File("c")), Is.False);
        Assert.That(
            Assert.Throws<CheckpointException>(() => Checkpoint.Load(folder.File("c")))!.Message,
            Does.Contain(folder.File("c"))
        );
    }

    // Each is a moment at which the program could have been killed while it replaced checkpoint 1 by 2.
    [TestCase("c", "half c.new", 1)]
    [TestCase("c.old", "whole c.new", 2)]
    [TestCase("c.old", "whole c", 2)]
    public void A_replacement_cut_short_leaves_one_that_is_whole(string first, string second, int expected)
    {
        using var folder = new TemporaryFolder();
        Save(folder.File("one"), 1);
        Directory.Move(folder.File("one"), folder.File(first));
        Save(folder.File("two"), 2);
        if (second.StartsWith("half", StringComparison.Ordinal))
            File.Delete(Path.Combine(folder.File("two"), "state.json"));
        Directory.Move(folder.File("two"), folder.File(second.Split(' ')[1]));
        Assert.That(Checkpoint.Exists(folder.File("c")), Is.True);
        Assert.That(Checkpoint.Load(folder.File("c")).Integer("n"), Is.EqualTo(expected));
        Save(folder.File("c"), 3);
        Assert.That(Checkpoint.Load(folder.File("c")).Integer("n"), Is.EqualTo(3));
        Assert.That(
            Directory.EnumerateFileSystemEntries(folder.Path).Select(Path.GetFileName),
            Is.EqualTo(new[] { "c" })
        );
    }

    private static void Save(string path, int number)
    {
        var state = new TrainingState();
        state.Add("n", number);
        state.Add("x", Tensor.From(new float[] { number }));
        Checkpoint.Save(path, state);
    }

    [Test]
    public void Clearing_a_section_leaves_the_others()
    {
        var state = new TrainingState();
        foreach (var name in new[] { "one", "other" })
        {
            state.Section(name).Add("array", Tensor.Ones([2]));
            state.Section(name).Add("number", 3L);
        }
        state.Section("one").Clear();
        Assert.That(state.Section("one").ArrayNames, Is.Empty);
        Assert.That(() => state.Section("one").Integer("number"), Throws.TypeOf<CheckpointException>());
        Assert.That(state.Section("other").ArrayNames, Is.EqualTo(new[] { "array" }));
        Assert.That(state.Section("other").Integer("number"), Is.EqualTo(3));
    }
}
