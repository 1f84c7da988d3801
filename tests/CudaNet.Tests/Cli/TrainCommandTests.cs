using System.Text.Json.Nodes;
using CudaNet.IO;
using CudaNet.Tests.IO;
using CudaNet.Training;
using static CudaNet.Tests.Cli.RunFiles;

namespace CudaNet.Tests.Cli;

[TestFixture]
public sealed class TrainCommandTests
{
    private static readonly string[] s_small = ["--limit", "256", "--epochs", "2", "--batch-size", "8", "--seed", "5"];

    [Test]
    public void A_run_leaves_all_its_files()
    {
        using var folder = new TemporaryFolder();
        var run = folder.File("run");
        var output = CliRun.Of(["train", "linear", "--out", run, .. s_small]).IsFine();
        Assert.That(output, Does.Contain("epoch 2/2").And.Contain("test accuracy").And.Contain("run"));

        var config = Json(run, "config.json");
        Assert.That(config["recipe"]!.GetValue<string>(), Is.EqualTo("linear"));
        Assert.That(config["options"]!["seed"]!.GetValue<string>(), Is.EqualTo("5"));
        Assert.That(config["options"]!["batch-size"]!.GetValue<string>(), Is.EqualTo("8"));
        Assert.That(config["options"]!["lr"]!.GetValue<string>(), Is.EqualTo("0.001"), "defaults are written too");

        var lines = File.ReadAllLines(Path.Combine(run, "metrics.jsonl"));
        Assert.That(lines, Has.Length.EqualTo(2));
        var losses = lines.Select(line => JsonNode.Parse(line)!["loss"]!.GetValue<double>()).ToList();
        Assert.That(losses[1], Is.LessThan(losses[0]));

        var summary = Json(run, "summary.json");
        Assert.That(summary["test_accuracy"]!.GetValue<double>(), Is.InRange(0.1, 1));
        Assert.That(summary["steps"]!.GetValue<double>(), Is.EqualTo(64));
        Assert.That(summary["parameters"]!.GetValue<long>(), Is.EqualTo(7850));

        var arrays = Safetensors.Read(Path.Combine(run, "checkpoint", "arrays.safetensors")).Arrays;
        Assert.That(arrays.Select(array => array.Name), Does.Contain("model.weight").And.Contain("model.bias"));
        Assert.That(
            File.Exists(Path.Combine(run, "report.html")) && File.Exists(Path.Combine(run, "samples.png")),
            Is.True
        );
    }

    [Test]
    public void Another_run_takes_another_folder()
    {
        using var folder = new TemporaryFolder();
        var run = folder.File("run");
        string[] command = ["train", "linear", "--out", run, "--limit", "64", "--epochs", "1"];
        CliRun.Of(command).IsFine();
        var before = File.ReadAllBytes(Path.Combine(run, "config.json"));
        var summary = JsonNode.Parse(CliRun.Of([.. command, "--json"]).IsFine())!;
        Assert.That(summary["run"]!.GetValue<string>(), Is.EqualTo(run + "-002"));
        Assert.That(File.ReadAllBytes(Path.Combine(run, "config.json")), Is.EqualTo(before));
    }

    [TestCase("linear", 32, TestName = "After an epoch")]
    [TestCase("linear", 40, TestName = "Within an epoch")]
    [TestCase("cnn", 24, TestName = "With dropout, within an epoch")]
    [TestCase("densenet", 24, TestName = "With one cycle and augmentation, within an epoch")]
    public void An_interrupted_run_continues_bit_for_bit(string recipe, int stopAfter)
    {
        using var folder = new TemporaryFolder();
        CliRun.Of(["train", recipe, "--out", folder.File("whole"), .. s_small]).IsFine();
        InterruptedRun.Make(recipe, s_small, folder.File("parts"), stopAfter);
        var state = Checkpoint.Load(CheckpointFolder(folder.File("parts"))).Section("trainer");
        Assert.That(state.Integer("epoch") * 32 + state.Integer("batch"), Is.EqualTo(stopAfter));
        Assert.That(File.Exists(Path.Combine(folder.File("parts"), "summary.json")), Is.False);
        CliRun.Of("train", "--resume", folder.File("parts")).IsFine();

        Assert.That(Arrays(folder.File("parts")), Is.EqualTo(Arrays(folder.File("whole"))));
        Assert.That(Metrics(folder.File("parts")), Is.EqualTo(Metrics(folder.File("whole"))));
        Assert.That(
            Json(folder.File("parts"), "summary.json")["test_accuracy"]!.GetValue<double>(),
            Is.EqualTo(Json(folder.File("whole"), "summary.json")["test_accuracy"]!.GetValue<double>())
        );
    }

    [Test]
    public void A_finished_run_can_be_given_more_epochs()
    {
        using var folder = new TemporaryFolder();
        var run = folder.File("run");
        CliRun.Of(["train", "linear", "--out", run, .. s_small]).IsFine();
        CliRun.Of("train", "linear", "--resume", run, "--epochs", "3").IsFine();
        Assert.That(Metrics(run), Has.Count.EqualTo(3));
        CliRun.Of("train", "linear", "--resume", run, "--lr", "0.1").IsRefusal("--lr was 0.001", "0.1");
        CliRun.Of("train", "mlp", "--resume", run).IsRefusal("trains linear, not mlp");
    }

    [Test]
    public void Resuming_needs_a_whole_checkpoint_and_loses_nothing()
    {
        using var folder = new TemporaryFolder();
        var run = folder.File("run");
        CliRun.Of(["train", "linear", "--out", run, .. s_small]).IsFine();
        var arrays = Path.Combine(run, "checkpoint", "arrays.safetensors");
        var bytes = File.ReadAllBytes(arrays);
        bytes[^1] ^= 1;
        File.WriteAllBytes(arrays, bytes);
        var before = Directory
            .GetFiles(run, "*", SearchOption.AllDirectories)
            .ToDictionary(file => file, File.ReadAllBytes);
        CliRun.Of("train", "--resume", run, "--epochs", "9").IsRefusal(arrays, "damaged");
        foreach (var (file, contents) in before.Where(pair => Path.GetFileName(pair.Key) != "config.json"))
            Assert.That(File.ReadAllBytes(file), Is.EqualTo(contents), file);

        Directory.Delete(Path.Combine(run, "checkpoint"), recursive: true);
        CliRun.Of("train", "--resume", run).IsRefusal(run, "no checkpoint");
        File.Delete(Path.Combine(run, "config.json"));
        CliRun.Of("train", "--resume", run).IsRefusal(run, "config.json");
    }

    [TestCase(-1, "offset 16")]
    [TestCase(+1, "offset 16")]
    public void Files_of_the_wrong_length_are_refused_before_anything_is_written(int change, string says)
    {
        using var folder = new TemporaryFolder();
        var data = Directory.CreateDirectory(folder.File("data")).FullName;
        var images = new byte[16 + 10 * 784 + change];
        ((ReadOnlySpan<byte>)[0, 0, 8, 3, 0, 0, 0, 10, 0, 0, 0, 28, 0, 0, 0, 28]).CopyTo(images);
        File.WriteAllBytes(Path.Combine(data, "t10k-images-idx3-ubyte"), images);
        File.WriteAllBytes(Path.Combine(data, "t10k-labels-idx1-ubyte"), [0, 0, 8, 1, 0, 0, 0, 10, .. new byte[10]]);
        CliRun
            .Of("train", "linear", "--data", data, "--out", folder.File("run"))
            .IsRefusal("t10k-images-idx3-ubyte", says, "7840 bytes");
        Assert.That(Directory.Exists(folder.File("run")), Is.False);
    }

    [TestCase("mlp", 64, 20)]
    [TestCase("cnn", 8, 4)]
    public void Steps_on_simt_lose_as_much_as_on_the_cpu(string recipe, int images, int steps)
    {
        TestDevices.Open("simt");
        using var folder = new TemporaryFolder();
        // An epoch of one batch, so that the metrics are those of the step.
        string[] command =
        [
            "train",
            recipe,
            "--limit",
            $"{images}",
            "--batch-size",
            $"{images}",
            "--epochs",
            $"{steps}",
        ];
        foreach (var device in new[] { "cpu", "simt" })
            CliRun.Of([.. command, "--device", device, "--out", folder.File(device)]).IsFine();
        var (cpu, simt) = (Losses(folder.File("cpu")), Losses(folder.File("simt")));
        Assert.That(cpu, Has.Count.EqualTo(steps));
        for (var i = 0; i < cpu.Count; i++)
            Assert.That(simt[i], Is.EqualTo(cpu[i]).Within(1e-4 * cpu[i]), $"step {i + 1}");
    }

    [Test]
    public void Ctrl_C_saves_a_checkpoint_and_says_how_to_continue()
    {
        if (OperatingSystem.IsWindows())
            Assert.Ignore("a console program on Windows cannot be sent Ctrl-C alone");
        using var folder = new TemporaryFolder();
        var run = folder.File("run");
        using var child = CliProcess.Start("train", "linear", "--out", run, "--limit", "256", "--epochs", "1000000");
        var metrics = Path.Combine(run, "metrics.jsonl");
        Assert.That(() => new FileInfo(metrics) is { Exists: true, Length: > 0 }, Is.True.After(30_000, 20));
        child.Send("INT");
        var (code, error) = child.Wait();
        Assert.That(code, Is.EqualTo(130), error);
        Assert.That(error, Does.StartWith("cudanet: ").And.Contain($"cudanet train --resume {run}"));
        var done = File.ReadAllLines(metrics).Length;
        CliRun.Of("train", "--resume", run, "--epochs", $"{done + 1}").IsFine();
        Assert.That(File.ReadAllLines(metrics), Has.Length.EqualTo(done + 1));
    }

    [Test]
    public void A_run_that_was_killed_continues_from_its_last_checkpoint()
    {
        if (OperatingSystem.IsWindows())
            Assert.Ignore("signals are Unix's");
        using var folder = new TemporaryFolder();
        var run = folder.File("run");
        using (var child = CliProcess.Start("train", "linear", "--out", run, "--limit", "256", "--epochs", "1000000"))
        {
            Assert.That(() => Directory.Exists(Path.Combine(run, "checkpoint")), Is.True.After(30_000, 20));
            child.Send("KILL");
            child.Wait();
        }
        var epochs = $"{File.ReadAllLines(Path.Combine(run, "metrics.jsonl")).Length + 2}";
        CliRun.Of("train", "--resume", run, "--epochs", epochs).IsFine();
        CliRun.Of("train", "linear", "--out", folder.File("whole"), "--limit", "256", "--epochs", epochs).IsFine();
        Assert.That(Arrays(run), Is.EqualTo(Arrays(folder.File("whole"))));
        Assert.That(Metrics(run), Is.EqualTo(Metrics(folder.File("whole"))));
    }

    private static JsonNode Json(string run, string file) => JsonNode.Parse(File.ReadAllText(Path.Combine(run, file)))!;

    private static List<double> Losses(string run) =>
        [
            .. File.ReadAllLines(Path.Combine(run, "metrics.jsonl"))
                .Select(line => JsonNode.Parse(line)!["loss"]!.GetValue<double>()),
        ];
}
