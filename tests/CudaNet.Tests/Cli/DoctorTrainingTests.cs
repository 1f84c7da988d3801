using System.Text.Json.Nodes;

namespace CudaNet.Tests.Cli;

[TestFixture]
public sealed class DoctorTrainingTests
{
    private static readonly string[] s_small = ["--set", "limit=512", "--steps", "30"];

    [Test]
    public void A_recipe_is_found_well_item_by_item()
    {
        var report = JsonNode.Parse(CliRun.Of(["doctor-training", "mlp", .. s_small, "--json"]).IsFine())!;
        Assert.That(report["wrong"]!.GetValue<int>(), Is.Zero);
        var items = report["items"]!.AsArray();
        Assert.That(items.Select(item => item!["verdict"]!.GetValue<string>()), Has.All.EqualTo("ok"));
        Assert.That(items, Has.Count.EqualTo(7));
        Assert.That(items[0]!["numbers"]!["expected"]!.GetValue<double>(), Is.EqualTo(2.302585).Within(1e-6));
    }

    [Test]
    public void A_learning_rate_far_too_large_ends_with_exit_code_1()
    {
        var run = CliRun.Of(["doctor-training", "linear", .. s_small, "--set", "lr=100"]);
        Assert.That(run.Code, Is.EqualTo(1), run.Error);
        Assert.That(run.Out, Does.Contain("WRONG    explosion").And.Contain("items are wrong"));
    }

    [Test]
    public void What_cannot_be_examined_is_refused()
    {
        CliRun.Of("doctor-training", "lottery").IsRefusal("lottery", "try cnn");
        CliRun.Of("doctor-training", "mlpp").IsRefusal("did you mean 'mlp'");
        CliRun.Of("doctor-training", "mlp", "--set", "lr").IsRefusal("--set", "KEY=VALUE");
    }
}
