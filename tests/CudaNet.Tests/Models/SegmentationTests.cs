namespace CudaNet.Tests.Models;

using CudaNet.Tests.Cli;
using CudaNet.Tests.IO;
using static CudaNet.Tests.Cli.RunFiles;

[TestFixture]
public sealed class SegmentationTests
{
    [Test]
    public void A_run_has_shares_of_pixels_intersections_and_pictures()
    {
        using var folder = new TemporaryFolder();
        var run = folder.File("run");
        var output = CliRun
            .Of("train", "unet", "--out", run, "--limit", "256", "--epochs", "6", "--batch-size", "8")
            .IsFine();
        Assert.That(output, Does.Contain("epoch 6/6").And.Contain("test IoU"));
        var summary = Json(run, "summary.json");
        // Saying "ground" everywhere is right for most pixels, and its mean intersection over union is below a quarter.
        Assert.That(summary["test_iou"]!.GetValue<double>(), Is.InRange(0.3, 1));
        Assert.That(summary["test_accuracy"]!.GetValue<double>(), Is.InRange(0.8, 1));
        Assert.That(summary["test_triangle_iou"]!.GetValue<double>(), Is.InRange(0, 1));
        var page = File.ReadAllText(Path.Combine(run, "report.html"));
        Assert.That(page, Does.Contain("Most mistaken").And.Contain("IoU of rectangle"));

        var samples = CliRun.Of("sample", run, "--count", "3").IsFine();
        Assert.That(samples.Split("of its pixels recognised"), Has.Length.EqualTo(4));
        Assert.That(File.Exists(Path.Combine(run, "samples.png")), Is.True);
        CliRun.Of("sample", run, "--in", "x.png").IsRefusal("unet reads no files");
    }
}
