using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using CudaNet.Tests.IO;

namespace CudaNet.Tests.Cli;

[TestFixture]
public sealed class ReportCommandTests
{
    private static readonly TemporaryFolder s_folder = new();
    private static readonly string s_run = s_folder.File("linear-<1>");
    private static readonly string s_other = s_folder.File("mlp-1");

    [OneTimeSetUp]
    public void Train()
    {
        CliRun.Of("train", "linear", "--out", s_run, "--limit", "300", "--epochs", "3").IsFine();
        CliRun.Of("train", "mlp", "--out", s_other, "--limit", "64", "--epochs", "2").IsFine();
    }

    [OneTimeTearDown]
    public void Remove() => s_folder.Dispose();

    [Test]
    public void Training_ends_with_a_report_and_the_verb_writes_the_same()
    {
        var file = Path.Combine(s_run, "report.html");
        var first = File.ReadAllText(file);
        File.Delete(file);
        Assert.That(CliRun.Of("report", s_run).IsFine(), Does.Contain("report.html"));
        Assert.That(File.ReadAllText(file), Is.EqualTo(first));
    }

    [Test]
    public void The_page_shows_curves_matrix_mistakes_weights_and_settings()
    {
        var page = File.ReadAllText(Path.Combine(s_run, "report.html"));
        foreach (
            var text in new[]
            {
                "linear on 300 drawn digits",
                "test accuracy",
                "<strong>Loss</strong>",
                "<strong>Accuracy</strong>",
                "Confusion matrix",
                "Misclassified digits",
                "First layer",
                "batch-size",
                "Environment",
                ".NET 10",
            }
        )
            Assert.That(page, Does.Contain(text));
        Assert.That(Regex.Matches(page, "<polyline "), Has.Count.EqualTo(4), "loss and accuracy, train and test");
        Assert.That(Regex.Matches(page, "alt=\"Weights of unit"), Has.Count.EqualTo(10));
        var summary = JsonNode.Parse(File.ReadAllText(Path.Combine(s_run, "summary.json")))!;
        var wrong = Math.Round(300 * (1 - summary["test_accuracy"]!.GetValue<double>()));
        Assert.That(Regex.Matches(page, "alt=\"Test image"), Has.Count.EqualTo(Math.Min(60, wrong)));
    }

    [Test]
    public void The_page_needs_no_other_file_and_the_folders_name_cannot_break_it()
    {
        var page = File.ReadAllText(Path.Combine(s_run, "report.html"));
        foreach (Match link in Regex.Matches(page, "(?:src|href|action|data)=\"([^\"]*)\""))
            Assert.That(link.Groups[1].Value, Does.StartWith("data:image/png;base64,"));
        Assert.That(page, Does.Not.Contain("@import").And.Not.Contain("url(").And.Not.Contain("<script"));
        Assert.That(page, Does.Not.Contain("linear-<1>").And.Contain("linear-&lt;1&gt;"));
    }

    [Test]
    public void Several_runs_are_compared()
    {
        var file = s_folder.File("compare.html");
        var report = JsonNode.Parse(CliRun.Of("report", s_run, s_other, "--out", file, "--json").IsFine())!;
        Assert.That(report["report"]!.GetValue<string>(), Is.EqualTo(file));
        Assert.That(report["runs"]!.AsArray(), Has.Count.EqualTo(2));
        Assert.That(report["runs"]![0]!["results"]!["test_accuracy"]!.GetValue<double>(), Is.InRange(0.1, 1));
        var page = File.ReadAllText(file);
        Assert.That(page, Does.Contain("2 runs compared").And.Contain("<strong>Test accuracy</strong>"));
        Assert.That(Regex.Matches(page, "<polyline "), Has.Count.EqualTo(8), "four metrics of two runs");
        Assert.That(page, Does.Contain(">recipe</th><td>linear</td><td>mlp</td>"));
        Assert.That(page, Does.Not.Contain(">lr</th>"), "they have the same");
    }

    [Test]
    public void A_run_that_has_not_finished_is_shown_as_far_as_it_has_come()
    {
        var run = Copy("unfinished");
        File.Delete(Path.Combine(run, "summary.json"));
        var metrics = Path.Combine(run, "metrics.jsonl");
        File.WriteAllText(metrics, File.ReadAllLines(metrics)[0] + "\n{\"epoch\":2,\"lo");
        CliRun.Of("report", run).IsFine();
        var page = File.ReadAllText(Path.Combine(run, "report.html"));
        Assert.That(page, Does.Contain("not finished, 1 epochs so far").And.Contain("Confusion matrix"));

        Directory.Delete(Path.Combine(run, "checkpoint"), recursive: true);
        CliRun.Of("report", run).IsFine();
        page = File.ReadAllText(Path.Combine(run, "report.html"));
        Assert.That(page, Does.Contain("first checkpoint").And.Not.Contain("Confusion matrix"));
    }

    [Test]
    public void Curves_are_shown_when_the_data_are_gone()
    {
        var run = Copy("moved");
        Change(run, config => config["options"]!["data"] = "/no/such/data");
        var result = CliRun.Of("report", run);
        Assert.That(result.Code, Is.Zero);
        Assert.That(result.Error, Does.Contain("/no/such/data").And.Contain("curves only"));
        Assert.That(
            File.ReadAllText(Path.Combine(run, "report.html")),
            Does.Contain("<polyline ").And.Contain("/no/such/data")
        );
    }

    [Test]
    public void Numbers_that_are_not_finite_are_survived()
    {
        var run = Copy("diverged");
        File.AppendAllText(Path.Combine(run, "metrics.jsonl"), "{\"epoch\":4,\"loss\":\"NaN\",\"accuracy\":0.1}\n");
        CliRun.Of("report", run).IsFine();
        Assert.That(File.ReadAllText(Path.Combine(run, "report.html")), Does.Contain("train: NaN"));
    }

    [TestCase("{\"epoch\":2,\"loss\":}", "'{\"epoch\":2")]
    [TestCase("{\"epoch\":\"two\"}", "a number 'epoch'")]
    [TestCase("{\"epoch\":2,\"loss\":\"low\"}", "a number as 'loss'")]
    [TestCase("[]", "a number 'epoch'")]
    [TestCase("", "a number 'epoch'")]
    public void A_damaged_line_of_the_metrics_is_named(string line, string says)
    {
        var run = Copy("damaged");
        var metrics = Path.Combine(run, "metrics.jsonl");
        File.WriteAllText(metrics, File.ReadAllLines(metrics)[0] + "\n" + line + "\n");
        CliRun.Of("report", run).IsRefusal(metrics, "line 2", says.TrimStart('\''));
    }

    [Test]
    public void What_is_no_run_is_refused()
    {
        CliRun.Of("report").IsRefusal("report");
        CliRun.Of("report", s_folder.File("nothing")).IsRefusal("nothing", "no run folder");
        CliRun.Of("report", s_folder.Path).IsRefusal("no run folder", "config.json");
        CliRun.Of("report", s_run, s_folder.Path).IsRefusal("no run folder", "config.json");
        var run = Copy("odd");
        Change(run, config => config["recipe"] = "linea");
        CliRun.Of("report", run).IsRefusal("no recipe 'linea'", "did you mean 'linear'");
        Change(run, config => config["recipe"] = "mlp");
        CliRun.Of("report", run).IsRefusal("another network");
        File.WriteAllText(Path.Combine(run, "config.json"), "{");
        CliRun.Of("report", run).IsRefusal("config.json", "JSON");
        CliRun.Of("report", s_run, "--out", "/no/such/folder/report.html").IsRefusal("/no/such/folder");
    }

    [Test]
    public void A_folder_that_may_not_be_written_is_refused()
    {
        if (OperatingSystem.IsLinux())
            CliRun.Of("report", s_run, "--out", "/proc/report.html").IsRefusal("/proc/");
        // The administrator may write in every folder of a disk.
        if (OperatingSystem.IsWindows() || Environment.IsPrivilegedProcess)
            return;
        var run = Copy("locked");
        File.SetUnixFileMode(run, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        try
        {
            CliRun.Of("report", run).IsRefusal("report.html", "denied");
        }
        finally
        {
            File.SetUnixFileMode(run, UnixFileMode.UserRead | UnixFileMode.UserExecute | UnixFileMode.UserWrite);
        }
    }

    /// <summary>The finished run under another name, to be changed.</summary>
    private static string Copy(string name)
    {
        var target = s_folder.File($"{name}-{Guid.NewGuid():N}");
        foreach (var file in Directory.GetFiles(s_run, "*", SearchOption.AllDirectories))
        {
            var copy = Path.Combine(target, Path.GetRelativePath(s_run, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }
        return target;
    }

    private static void Change(string run, Action<JsonNode> change)
    {
        var file = Path.Combine(run, "config.json");
        var config = JsonNode.Parse(File.ReadAllText(file))!;
        change(config);
        File.WriteAllText(file, config.ToJsonString());
    }
}
