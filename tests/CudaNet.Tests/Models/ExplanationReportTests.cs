namespace CudaNet.Tests.Models;

using CudaNet.Tests.Cli;
using CudaNet.Tests.IO;
using static CudaNet.Tests.Cli.RunFiles;

[TestFixture]
public sealed class ExplanationReportTests
{
    [TestCase("resnet", 322_938)]
    [TestCase("densenet", 115_050)]
    public void The_report_of_a_convolutional_network_explains_it(string recipe, long parameters)
    {
        using var folder = new TemporaryFolder();
        var run = folder.File("run");
        CliRun.Of("train", recipe, "--out", run, "--limit", "64", "--epochs", "1", "--batch-size", "16").IsFine();
        Assert.That(Json(run, "summary.json")["parameters"]!.GetValue<long>(), Is.EqualTo(parameters));
        var page = File.ReadAllText(Path.Combine(run, "report.html"));
        foreach (var title in new[] { "Grad-CAM", "What the layers see", "Adversarial examples" })
            Assert.That(page, Does.Contain(title));
        Assert.That(
            page,
            Does.Contain(recipe == "resnet" ? "channels behind 1.layer4" : "channels behind 1.features.denseblock2")
        );
    }
}
