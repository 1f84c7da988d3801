using System.Text.Json.Nodes;
using CudaNet.Tests.Cli;
using CudaNet.Tests.IO;

namespace CudaNet.Tests.Models;

/// <summary>Recipes on drawn data, small enough to be trained in a test, by the numbers that they are judged by.</summary>
[TestFixture]
public sealed class RecipeTests
{
    /// <summary>Every kind of regression comes near to the loss of the process that drew its data.</summary>
    [TestCase("linear", 0.01)]
    [TestCase("laplace", 0.01)]
    [TestCase("logistic", 0.01)]
    [TestCase("softmax", 0.01)]
    [TestCase("poisson", 0.01)]
    [TestCase("von-mises", 0.01)]
    [TestCase("heteroscedastic", 0.05)]
    [TestCase("mixture-density", 0.05, 300)]
    public void Regression_comes_near_to_the_least_loss(string kind, double most, int epochs = 40)
    {
        var summary = Train("regression", "--kind", kind, "--epochs", $"{epochs}");
        Assert.That(summary["excess_loss"]!.GetValue<double>(), Is.InRange(-0.02, most));
        if (kind == "linear")
            Assert.That(summary["distance_from_least_squares"]!.GetValue<double>(), Is.LessThan(0.05));
    }

    /// <summary>Attention has more to learn, and needs more labels for it.</summary>
    [TestCase("gcn", 10)]
    [TestCase("sage", 10)]
    [TestCase("attention", 30)]
    public void A_graph_network_sees_more_than_the_features_tell(string layer, int labels)
    {
        string[] graph = ["--layer", layer, "--labels", $"{labels}", "--nodes", "200", "--inside", "0.08"];
        var summary = Train("gnn", [.. graph, "--epochs", "60"]);
        var accuracy = summary["test_accuracy"]!.GetValue<double>();
        Assert.That(accuracy, Is.GreaterThan(0.9));
        Assert.That(accuracy, Is.GreaterThan(summary["features_only_accuracy"]!.GetValue<double>() + 0.05));
    }

    [TestCase("regression", "--kind", "cubic")]
    [TestCase("gnn", "--layer", "dense")]
    [TestCase("gnn", "--nodes", "7")]
    [TestCase("gnn", "--inside", "1.5")]
    public void An_option_out_of_range_is_named(string recipe, string option, string value) =>
        CliRun.Of("train", recipe, option, value).IsRefusal($"{option} {value}: expected");

    private static JsonNode Train(string recipe, params string[] options)
    {
        using var folder = new TemporaryFolder();
        var run = folder.File("run");
        CliRun.Of(["train", recipe, "--out", run, .. options]).IsFine();
        Assert.That(new FileInfo(Path.Combine(run, "report.html")).Length, Is.GreaterThan(10_000));
        return JsonNode.Parse(File.ReadAllText(Path.Combine(run, "summary.json")))!;
    }
}
