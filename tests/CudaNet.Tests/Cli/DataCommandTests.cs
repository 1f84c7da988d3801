using System.Text.Json.Nodes;
using CudaNet.Data;
using CudaNet.Tests.IO;

namespace CudaNet.Tests.Cli;

[TestFixture]
public sealed class DataCommandTests
{
    [Test]
    public void The_list_says_how_to_use_each_set()
    {
        Assert.That(
            CliRun.Of("data", "list").IsFine(),
            Does.Contain("drawn").And.Contain("mnist").And.Contain("--data DIR")
        );
        var sets = JsonNode.Parse(CliRun.Of("data", "list", "--json").IsFine())!.AsArray();
        Assert.That(sets.Select(set => set!["name"]!.GetValue<string>()), Does.Contain("fashion-mnist"));
    }

    [Test]
    public void Drawn_files_are_the_digits_that_recipes_draw()
    {
        using var folder = new TemporaryFolder();
        var data = folder.File("digits");
        var output = CliRun.Of("data", "draw", "--out", data, "--train", "120", "--test", "30").IsFine();
        Assert.That(output.Split('\n', StringSplitOptions.RemoveEmptyEntries), Has.Length.EqualTo(4));
        var (read, drawn) = (Mnist.Load(data), DrawnDigits.Load(1, 120, 30));
        Assert.That(read.Train.Images, Is.EqualTo(drawn.Train.Images));
        Assert.That(read.Train.Labels, Is.EqualTo(drawn.Train.Labels));
        Assert.That(read.Test.Images, Is.EqualTo(drawn.Test.Images));
        Assert.That(read.Test.Labels, Is.EqualTo(drawn.Test.Labels));

        CliRun.Of("train", "linear", "--data", data, "--out", folder.File("run"), "--epochs", "1").IsFine();

        var before = Directory.GetFiles(data).ToDictionary(file => file, File.ReadAllBytes);
        var again = CliRun.Of("data", "draw", "--out", data, "--seed", "2");
        Assert.That(again.Code, Is.EqualTo(2));
        Assert.That(again.Error, Does.Contain("is there already"));
        foreach (var (file, bytes) in before)
            Assert.That(File.ReadAllBytes(file), Is.EqualTo(bytes));
    }

    [Test]
    public void Info_counts_and_has_the_checksum_of_sha256sum()
    {
        using var folder = new TemporaryFolder();
        var data = folder.File("digits");
        CliRun.Of("data", "draw", "--out", data, "--train", "50", "--test", "20", "--json").IsFine();
        File.WriteAllText(Path.Combine(data, "notes.txt"), "abc");
        var output = CliRun.Of("data", "info", data).IsFine();
        Assert.That(output, Does.Contain("50 training and 20 test images of 28 × 28").And.Contain("50 × 28 × 28"));
        var info = JsonNode.Parse(CliRun.Of("data", "info", data, "--json").IsFine())!;
        var files = info["files"]!.AsArray().ToDictionary(file => file!["name"]!.GetValue<string>(), file => file!);
        // FIPS 180-2, appendix B.1.
        Assert.That(
            files["notes.txt"]["sha256"]!.GetValue<string>(),
            Is.EqualTo("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        );
        var counts = files["train-labels-idx1-ubyte.gz"]["class_counts"]!
            .AsArray()
            .Select(count => count!.GetValue<int>());
        Assert.That(counts.Sum(), Is.EqualTo(50));
        Assert.That((info["train"]!.GetValue<int>(), info["test"]!.GetValue<int>()), Is.EqualTo((50, 20)));
    }

    [Test]
    public void Damaged_and_missing_files_are_found_wrong()
    {
        using var folder = new TemporaryFolder();
        var empty = CliRun.Of("data", "info", folder.Path);
        Assert.That(empty.Code, Is.EqualTo(1));
        Assert.That(empty.Out, Does.Contain("No recipe can use this folder").And.Contain("t10k-images"));

        var data = folder.File("digits");
        CliRun.Of("data", "draw", "--out", data, "--train", "20", "--test", "20").IsFine();
        var file = Path.Combine(data, "t10k-images-idx3-ubyte.gz");
        File.WriteAllBytes(file, File.ReadAllBytes(file)[..^100]);
        var cut = CliRun.Of("data", "info", data);
        Assert.That(cut.Code, Is.EqualTo(1));
        Assert.That(cut.Out, Does.Contain("DAMAGED").And.Contain(file));
        Assert.That(JsonNode.Parse(CliRun.Of("data", "info", data, "--json").Out)!["train"], Is.Null);
    }

    [Test]
    public void A_folder_that_cannot_be_made_is_refused()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.File("file"), "");
        var run = CliRun.Of("data", "draw", "--out", folder.File("file"), "--train", "1", "--test", "1");
        Assert.That(run.Code, Is.Not.Zero);
        Assert.That(
            run.Error,
            Does.StartWith("cudanet: ").And.Contain(folder.File("file")).And.Not.Contain("internal error")
        );
    }
}
