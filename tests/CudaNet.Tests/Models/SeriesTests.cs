using System.Text.Json.Nodes;
using CudaNet.IO;
using CudaNet.Tests.Cli;
using CudaNet.Tests.IO;

namespace CudaNet.Tests.Models;

[TestFixture]
public sealed class SeriesTests
{
    private static readonly string[] s_lottery =
    [
        "--limit",
        "256",
        "--epochs",
        "2",
        "--batch-size",
        "32",
        "--rounds",
        "2",
        "--seeds",
        "2",
    ];
    private static readonly string[] s_widths =
    [
        "--samples",
        "128",
        "--epochs",
        "2",
        "--batch-size",
        "16",
        "--widths",
        "4,2,8",
        "--limit",
        "256",
    ];

    // 16 steps per training: within the dense one, at the end of a ticket's, and within the twin's.
    [TestCase(8)]
    [TestCase(32)]
    [TestCase(56)]
    public void An_interrupted_lottery_continues_bit_for_bit(int steps) =>
        InterruptedRun.ContinuesBitForBit("lottery", s_lottery, steps);

    [TestCase(8)]
    [TestCase(24)]
    public void An_interrupted_sweep_continues_bit_for_bit(int steps) =>
        InterruptedRun.ContinuesBitForBit("double-descent", s_widths, steps);

    [Test]
    public void A_lottery_tells_what_each_training_came_to()
    {
        using var folder = new TemporaryFolder();
        var run = folder.File("run");
        var summary = JsonNode.Parse(CliRun.Of(["train", "lottery", "--out", run, .. s_lottery, "--json"]).IsFine())!;
        Assert.That(summary["trainings"]!.GetValue<double>(), Is.EqualTo(8));
        var sparsities = RunFiles.Metrics(run).Select(line => JsonNode.Parse(line)!["sparsity"]!.GetValue<double>());
        var once = new[] { 0, 1 - Math.Sqrt(0.1), 0.9, 0.9 };
        Assert.That(sparsities, Is.EqualTo(once.Concat(once)).Within(1e-5));
        var ticket = summary["ticket_accuracy"]!.GetValue<double>();
        var twin = summary["reinitialized_accuracy"]!.GetValue<double>();
        Assert.That(
            summary["ticket_minus_reinitialized_points"]!.GetValue<double>(),
            Is.EqualTo(100 * (ticket - twin)).Within(1e-9)
        );
        // The last network of the run: the twin, whose weights are zero where its mask is.
        var arrays = Safetensors.Read(Path.Combine(run, "checkpoint", "arrays.safetensors")).Arrays;
        var weight = arrays.First(array => array.Name == "series.model.0.weight").ToTensor().ToArray<float>();
        var mask = arrays.First(array => array.Name == "series.extra.0").ToTensor().ToArray<float>();
        Assert.That(weight.Zip(mask).Where(pair => pair.Second == 0).Select(pair => pair.First), Has.All.Zero);
        Assert.That(CliRun.Of("report", run).IsFine(), Does.Contain("report.html"));
        Assert.That(File.ReadAllText(Path.Combine(run, "report.html")), Does.Contain("mask, new weights"));
    }

    [Test]
    public void A_sweep_trains_each_width_once_the_narrowest_first()
    {
        using var folder = new TemporaryFolder();
        var run = folder.File("run");
        var summary = JsonNode.Parse(
            CliRun.Of(["train", "double-descent", "--out", run, .. s_widths, "--json"]).IsFine()
        )!;
        var widths = RunFiles.Metrics(run).Select(line => JsonNode.Parse(line)!["width"]!.GetValue<double>());
        Assert.That(widths, Is.EqualTo(new[] { 2, 4, 8 }));
        Assert.That(summary["parameters"]!.GetValue<long>(), Is.EqualTo(785 * 8 + 9 * 10));
        Assert.That(File.ReadAllText(Path.Combine(run, "report.html")), Does.Contain("Error by width"));
    }

    [TestCase("lottery --sparsity 1.5", "--sparsity 1.5", "below 1")]
    [TestCase("double-descent --widths 4,x", "--widths 4,x", "such as 4,16,64")]
    [TestCase("double-descent --noise 2", "--noise 2", "at most 1")]
    public void Wrong_options_are_refused(string command, params string[] says) =>
        CliRun.Of(["train", .. command.Split(' ')]).IsRefusal(says);
}
