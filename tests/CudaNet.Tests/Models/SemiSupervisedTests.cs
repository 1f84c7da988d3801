using System.Text.Json.Nodes;
using CudaNet.Tests.Cli;
using CudaNet.Tests.IO;

namespace CudaNet.Tests.Models;

[TestFixture]
public sealed class SemiSupervisedTests
{
    private static readonly string[] s_small =
    [
        "--limit",
        "256",
        "--labels",
        "10",
        "--epochs",
        "2",
        "--batch-size",
        "4",
        "--ratio",
        "4",
    ];

    [TestCase("fixmatch")]
    [TestCase("pseudo-label")]
    [TestCase("mean-teacher")]
    [TestCase("mixmatch")]
    [TestCase("remixmatch")]
    [TestCase("supervised")]
    public void An_interrupted_run_continues_bit_for_bit(string method) =>
        InterruptedRun.ContinuesBitForBit("fixmatch", [.. s_small, "--method", method], steps: 24);

    [Test]
    public void Images_without_labels_are_worth_something()
    {
        double Accuracy(string method)
        {
            using var folder = new TemporaryFolder();
            string[] command = ["train", "fixmatch", "--method", method, "--limit", "1000", "--labels", "30"];
            return JsonNode.Parse(
                CliRun.Of([.. command, "--epochs", "16", "--out", folder.File("run"), "--json"]).IsFine()
            )!["test_accuracy"]!.GetValue<double>();
        }
        Assert.That(Accuracy("fixmatch"), Is.GreaterThan(Accuracy("supervised") + 0.01));
    }

    [TestCase("--method fixmtch", "--method fixmtch", "did you mean 'fixmatch'", "mean-teacher")]
    [TestCase("--labels 15", "--labels 15", "a multiple of 10")]
    [TestCase("--limit 100 --labels 1000", "--labels 1000", "fewer than 100 images")]
    public void Wrong_options_are_refused(string options, params string[] says) =>
        CliRun
            .Of(["train", "fixmatch", "--out", Path.Combine(Path.GetTempPath(), "cudanet-none"), .. options.Split(' ')])
            .IsRefusal(says);
}
