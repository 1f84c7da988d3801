using System.Text.Json.Nodes;
using CudaNet.Tests.IO;

namespace CudaNet.Tests.Cli;

[TestFixture]
public sealed class UsageTests
{
    [TestCase("devces", "there is no verb 'devces'", "did you mean 'devices'", "doctor")]
    [TestCase("devices --jsn", "no option '--jsn'", "did you mean '--json'")]
    [TestCase("devices extra", "'extra' is one word too many")]
    [TestCase("train mp", "there is no recipe 'mp'", "did you mean 'mlp'", "linear")]
    [TestCase("train", "a recipe is missing", "linear", "mlp", "--resume")]
    [TestCase("train mlp --epoch 3", "no option '--epoch'", "--epochs")]
    [TestCase("train mlp --epochs many", "--epochs many", "a whole number of at least 1")]
    [TestCase("train mlp --epochs 0", "--epochs 0", "at least 1")]
    [TestCase("train mlp --epochs", "--epochs")]
    [TestCase("train mlp --lr -1", "--lr -1", "a positive number")]
    [TestCase("train mlp --device gpu", "'gpu' is no device", "cpu, simt, cuda", "Available here: cpu")]
    [TestCase("train mlp --device cuda:99", "--device cuda:99", "Available here: cpu")]
    [TestCase("train mlp --data /no/such/folder", "/no/such/folder")]
    [TestCase("train --resume /no/such/run", "/no/such/run", "no run folder")]
    [TestCase("train mlp --resume /no/such/run --out x", "--out and --resume exclude each other")]
    [TestCase("op", "the NAME of an op", "--list")]
    [TestCase("op layer_nrm --out x.npz", "no op 'layer_nrm'", "did you mean 'layer_norm'")]
    [TestCase("op add --in x.npz", "--out FILE")]
    [TestCase("op add --out y.npz", "--in FILE", "input", "other")]
    [TestCase("op add --in /no/such.npz --out y.npz", "/no/such.npz", "there is no such file")]
    [TestCase("op add --out /no/such/folder/y.npz", "/no/such/folder", "make it first")]
    [TestCase("op add --out y.npz --attr 3", "--attr '3' has no value", "KEY=VALUE")]
    [TestCase("sample", "sample", "--help")]
    [TestCase("sample /no/such/run", "/no/such/run", "no run folder")]
    [TestCase("sample run --count 0", "--count 0", "at least 1")]
    [TestCase("sample run --seed -1", "--seed -1", "at least 0")]
    [TestCase("sample run --device gpu", "'gpu' is no device")]
    [TestCase("report run --device cuda:99", "--device cuda:99")]
    [TestCase("data", "a command is missing", "list, info, draw")]
    [TestCase("data lst", "no data command 'lst'", "did you mean 'list'")]
    [TestCase("data info", "data info --help")]
    [TestCase("data info /no/such/folder", "/no/such/folder")]
    [TestCase("data draw", "--out")]
    [TestCase("data get", "data get --help")]
    [TestCase("data get mnits", "'mnits'", "mnist, fashion-mnist, cifar10")]
    [TestCase("data draw --out x --train 0", "--train 0", "at least 1")]
    [TestCase("data draw --out x --train 1000000000", "--train 1000000000", "2000000")]
    [TestCase("check --op no_such_op", "no_such_op")]
    [TestCase("check --case nothing(1)", "nothing")]
    [TestCase("check --schedule-seed 3", "--device simt, not cpu")]
    [TestCase("check --variant -1", "--variant -1", "at least 0")]
    [TestCase("profile", "RECIPE (cnn, ", "--op PATTERN", "got none")]
    [TestCase("profile cnn --op add", "got several")]
    [TestCase("profile cn", "there is no recipe 'cn'", "did you mean 'cnn'")]
    [TestCase("profile cnn --set limit", "profile: --set 'limit' has no value")]
    [TestCase("profile cnn --set lmit=3", "no option --lmit", "did you mean 'limit'")]
    [TestCase("profile --op add --set limit=3", "--set goes with a RECIPE")]
    [TestCase("profile --op no_such_op", "no_such_op")]
    [TestCase("profile cnn --steps 0", "--steps 0", "at least 1")]
    [TestCase("", "a verb is missing", "devices", "train")]
    public void What_is_wrong_is_said_in_one_line(string command, params string[] says) =>
        CliRun.Of(command.Split(' ', StringSplitOptions.RemoveEmptyEntries)).IsRefusal(says);

    [TestCase("--help", "devices", "Examples:")]
    [TestCase("train --help", "mlp", "--resume", "Examples:")]
    [TestCase("train mlp --help", "--epochs", "[default: 10]", "Examples:")]
    [TestCase("report --help", "report.html", "Examples:")]
    [TestCase("sample --help", "--count", "Examples:")]
    [TestCase("data --help", "draw", "Examples:")]
    [TestCase("data draw --help", "[default: 8000]", "Examples:")]
    [TestCase("data get --help", "CUDANET_DATA_URL", "Examples:")]
    [TestCase("op --help", "--attr", "Examples:")]
    [TestCase("check --help", "--device", "Examples:")]
    [TestCase("profile --help", "--nsys", "[default: 20]", "Examples:")]
    public void Help_shows_options_and_examples(string command, params string[] says)
    {
        var output = CliRun.Of(command.Split(' ')).IsFine();
        foreach (var text in says)
            Assert.That(output, Does.Contain(text));
    }

    [Test]
    public void Devices_lists_the_cpu_and_says_why_others_are_missing()
    {
        var devices = JsonNode.Parse(CliRun.Of("devices", "--json").IsFine())!.AsArray();
        Assert.That(devices[0]!["name"]!.GetValue<string>(), Is.EqualTo("cpu"));
        Assert.That(devices[0]!["available"]!.GetValue<bool>(), Is.True);
        foreach (var device in devices)
        {
            var available = device!["available"]!.GetValue<bool>();
            Assert.That(device["problem"] is null, Is.EqualTo(available), device.ToJsonString());
        }
    }

    [Test]
    public void Doctor_says_where_libraries_were_looked_for()
    {
        var output = CliRun.Of("doctor").Out;
        Assert.That(output, Does.Contain("libcudanet_simt").And.Contain("libcudanet_cuda").And.Contain(".NET"));
        var report = JsonNode.Parse(CliRun.Of("doctor", "--json").Out)!;
        foreach (var library in report["libraries"]!.AsArray())
            Assert.That(library!["looked_for"]!.AsArray(), Is.Not.Empty);
    }

    [Test]
    [NonParallelizable]
    public void Doctor_finds_a_library_that_is_there_and_broken()
    {
        const string variable = "CUDANET_CUDA_LIBRARY";
        using var folder = new TemporaryFolder();
        var file = folder.File("libcudanet_cuda.so");
        File.WriteAllText(file, "no library");
        var before = Environment.GetEnvironmentVariable(variable);
        Environment.SetEnvironmentVariable(variable, file);
        try
        {
            var run = CliRun.Of("doctor");
            Assert.That(run.Code, Is.EqualTo(1));
            Assert.That(run.Out, Does.Contain("BROKEN").And.Contain(file).And.Contain("to do:"));
            CliRun.Of("op", "log", "--device", "cuda", "--out", folder.File("y.npz")).IsRefusal(file, "build it with");
        }
        finally
        {
            Environment.SetEnvironmentVariable(variable, before);
        }
    }

    [Test]
    public void Recipes_are_listed_with_their_options()
    {
        var recipes = JsonNode.Parse(CliRun.Of("recipes", "--json").IsFine())!.AsArray();
        Assert.That(
            recipes.Select(recipe => recipe!["name"]!.GetValue<string>()),
            Is.Unique.And.SupersetOf(new[] { "cnn", "linear", "mlp", "fixmatch", "lottery" })
        );
        Assert.That(CliRun.Of("recipes").IsFine(), Does.Contain("--epochs").And.Contain("[default: 5]"));
    }

    [Test]
    public void Check_of_one_op_passes_on_the_cpu()
    {
        Assert.That(CliRun.Of("check", "--op", "add").IsFine(), Does.Contain("0 failed"));
        var report = JsonNode.Parse(CliRun.Of("check", "--op", "add", "--json").IsFine())!;
        Assert.That(report["failed"]!.GetValue<int>(), Is.Zero);
        var names = CliRun.Of("check", "--op", "add", "--list").IsFine().Split('\n');
        Assert.That(names[0], Does.StartWith("add("));
    }
}
