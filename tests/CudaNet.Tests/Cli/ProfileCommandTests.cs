using System.Text.Json.Nodes;
using CudaNet.Cli;
using CudaNet.Cli.Profiling;
using CudaNet.Tests.IO;

namespace CudaNet.Tests.Cli;

[TestFixture, NonParallelizable]
public sealed class ProfileCommandTests
{
    private static readonly string[] s_linear = ["profile", "linear", "--set", "limit=256", "--set", "batch-size=8"];

    private const string SmallCase = "layer_norm(dtype=f32,rows=7,cols=65,affine=no)";

    [TestCase("cpu")]
    [TestCase("simt", Category = "Simt")]
    public void A_recipes_steps_are_counted_and_timed(string device)
    {
        TestDevices.Open(device);
        var profile = JsonNode.Parse(
            CliRun.Of([.. s_linear, "--steps", "3", "--warmup", "2", "--device", device, "--json"]).IsFine()
        )!;
        var (ops, ranges) = (Rows(profile["ops"]!), Rows(profile["ranges"]!));
        foreach (var name in new[] { "step", "backward", "optimizer", "Linear" })
            Assert.That(ranges[name]["count"]!.GetValue<int>(), Is.EqualTo(3), name);
        Assert.That(ranges["profile"]["count"]!.GetValue<int>(), Is.EqualTo(1));
        foreach (var name in new[] { "linear", "adamw", "cross_entropy" })
            Assert.That(ops[name]["calls"]!.GetValue<int>(), Is.EqualTo(3), name);
        Assert.That(ops["linear"]["flops"]!.GetValue<double>(), Is.EqualTo(3 * 2.0 * 8 * 784 * 10).Within(5).Percent);

        double whole = Seconds(profile),
            inOps = profile["seconds_in_ops"]!.GetValue<double>();
        Assert.That(inOps, Is.GreaterThan(0).And.LessThanOrEqualTo(whole));
        Assert.That(ops.Values.Sum(Seconds), Is.EqualTo(inOps).Within(1e-9), "no op of these calls another");
        Assert.That(Seconds(ranges["step"]), Is.LessThanOrEqualTo(whole));
        Assert.That(
            ranges["optimizer"]["seconds_in_ops"]!.GetValue<double>(),
            Is.EqualTo(Seconds(ops["adamw"])).Within(1e-9)
        );
    }

    [TestCase("cpu", 1)]
    [TestCase("simt", 2, Category = "Simt")]
    public void A_trace_nests_ranges_and_shows_the_devices_own_time(string device, int processes)
    {
        TestDevices.Open(device);
        using var folder = new TemporaryFolder();
        var file = folder.File("trace.json");
        CliRun
            .Of("profile", "--case", SmallCase, "--steps", "4", "--warmup", "0", "--device", device, "--trace", file)
            .IsFine();
        var events = JsonNode.Parse(File.ReadAllText(file))!["traceEvents"]!.AsArray();
        var named = events.Where(e => Text(e, "ph") == "M").Select(e => e!["args"]!["name"]!.GetValue<string>());
        Assert.That(named, Is.EqualTo(processes == 1 ? ["host"] : new[] { "host", device }));
        var spans = events.Where(e => Text(e, "ph") == "X").ToList();
        Assert.That(spans.Count(e => Text(e, "name") == "layer_norm"), Is.EqualTo(4 * processes));
        var @case = spans.Single(e => Text(e, "name") == SmallCase);
        foreach (var op in spans.Where(e => Text(e, "name") == "layer_norm"))
        {
            Assert.That(Number(op, "ts"), Is.GreaterThanOrEqualTo(Number(@case, "ts")));
            if (Number(op, "pid") == Number(@case, "pid"))
                Assert.That(
                    Number(op, "ts") + Number(op, "dur"),
                    Is.LessThanOrEqualTo(Number(@case, "ts") + Number(@case, "dur") + 1e-3)
                );
            Assert.That(op!["args"]!["bytes"]!.GetValue<double>(), Is.EqualTo(4 * (2 * 7 * 65 + 2 * 7)));
        }
    }

    [Test]
    public void The_table_names_ops_and_ranges()
    {
        var text = CliRun.Of("profile", "--case", SmallCase, "--steps", "5").IsFine();
        Assert.That(text, Does.StartWith($"{SmallCase} on cpu: 5 steps after 10 to warm up; "));
        Assert.That(text, Does.Match(@"\nop .*GB/s +GFLOP/s\nlayer_norm +5 "));
        Assert.That(text, Does.Match(@"\nrange .*in ops\n").And.Match(@"\nprofile +1 "));
    }

    [Test]
    public void A_recipe_that_ends_too_soon_says_after_how_many_steps() =>
        CliRun
            .Of([.. s_linear, "--set", "epochs=1", "--steps", "100"])
            .IsRefusal("profile linear", "after 32 steps", "110", "--steps");

    [Test]
    public void Nsight_is_run_with_our_ranges()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Ignore("the profiler is played by a shell script");
            return;
        }
        using var folder = new TemporaryFolder();
        string[] program = ["cudanet", "profile", "--op", "layer_norm*"];
        var systems = NsightCommand.Systems("report");
        var missing = Assert.Throws<UsageException>(() => systems.Run(program, folder.File("")));
        Assert.That(missing!.Message, Does.Contain("Nsight Systems (nsys) is not on the PATH"));
        Assert.That(
            missing.Message,
            Does.Contain(
                "nsys profile --trace=cuda,nvtx,cublas,cudnn,osrt --cuda-graph-trace=node --capture-range=nvtx --nvtx-capture=profile "
            ),
            "what a person can copy"
        );
        Assert.That(missing.Message, Does.EndWith(" --output=report cudanet profile --op 'layer_norm*'"));

        foreach (var name in new[] { "nsys", "ncu" })
        {
            File.WriteAllText(folder.File(name), "#!/bin/sh\nprintf '%s\\n' \"$@\" > \"$0.got\"\nexit 7\n");
            File.SetUnixFileMode(folder.File(name), UnixFileMode.UserRead | UnixFileMode.UserExecute);
        }
        Assert.That(systems.Run(program, folder.File("")), Is.EqualTo(7));
        Assert.That(File.ReadAllLines(folder.File("nsys.got")), Is.EqualTo([.. systems.Arguments, .. program]));
        Assert.That(NsightCommand.Compute("report", "conv2d").Run(program, folder.File("")), Is.EqualTo(7));
        Assert.That(
            File.ReadAllLines(folder.File("ncu.got")),
            Does.Contain("--nvtx-include").And.Contain("profile/*/conv2d/").And.Contain("--export=report")
        );
    }

    [Test]
    public void Under_another_profiler_nothing_is_timed() =>
        Assert.That(CliRun.Of([.. s_linear, "--steps", "2", "--ranges-only"]).IsFine(), Is.Empty);

    private static Dictionary<string, JsonNode> Rows(JsonNode rows) =>
        rows.AsArray().ToDictionary(row => Text(row, "name"), row => row!);

    private static double Seconds(JsonNode row) => row["seconds"]!.GetValue<double>();

    private static string Text(JsonNode? node, string key) => node![key]!.GetValue<string>();

    private static double Number(JsonNode? node, string key) => node![key]!.GetValue<double>();
}
