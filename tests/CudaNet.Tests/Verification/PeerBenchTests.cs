using System.Text.Json.Nodes;
using CudaNet.Tests.Cli;
using CudaNet.Tests.IO;
using CudaNet.Verification;

namespace CudaNet.Tests.Verification;

[TestFixture]
[NonParallelizable]
public sealed class PeerBenchTests
{
    private static readonly PeerGoal Goal = new("sums", Mean: 1.5, Each: 1, PeerRate.Gbps);
    private static readonly PeerBenchOptions Quick = new() { Rounds = 3, SecondsPerRow = 0.003 };

    /// <summary>A peer that says what it was asked, and takes a second for every call.</summary>
    private sealed class SlowPeer : IPeer
    {
        public List<string> Asked { get; } = [];

        public PeerAbout About { get; } = new("Slow 1.0", "NoBlas", "none");

        public string Prepare(PeerRow row, int threads)
        {
            Asked.Add($"prepare {row.Name} {threads}");
            return "SLOW=1";
        }

        public double Time(double seconds)
        {
            Asked.Add("time");
            return 1;
        }
    }

    private static PeerRow Sum(string name) =>
        new(
            name,
            Goal,
            "add",
            [
                [4],
                [4],
            ]
        );

    private static PeerResult Result(double ours, double? peer, double work = 2e6) =>
        new(Sum("add 4"), 1, ours, peer, work, "");

    [Test]
    public void The_ratio_is_the_peers_time_over_ours()
    {
        var result = Result(ours: 2, peer: 5);
        Assert.That(result.Ratio, Is.EqualTo(2.5));
        Assert.That(result.OursRate, Is.EqualTo(1).Within(1e-12), "2e6 bytes in 2 ms are 1 GB/s");
        Assert.That(result.PeerRate, Is.EqualTo(0.4).Within(1e-12));
        Assert.That(Result(2, null).Ratio, Is.Null);
    }

    [TestCase(new[] { 3.0, 1, 2 }, 2)]
    [TestCase(new[] { 4.0, 1, 2, 3 }, 2.5)]
    public void The_median_is_the_middle(double[] values, double expected) =>
        Assert.That(PeerBench.Median(values), Is.EqualTo(expected));

    [TestCase(2, 1, true)]
    [TestCase(2, 0.9, false)]
    [TestCase(1.2, 1.1, false)]
    public void A_goal_is_met_by_the_mean_and_by_every_row(double mean, double least, bool expected)
    {
        var other = mean * mean / least; // the geometric mean of both is mean
        var report = new PeerReport([Result(1, least), Result(1, other)], null, Quick);
        var verdict = report.Verdicts.Single();
        Assert.That(verdict.Mean, Is.EqualTo(mean).Within(1e-12));
        Assert.That(verdict.Least, Is.EqualTo(least));
        Assert.That(verdict.IsMet, Is.EqualTo(expected));
    }

    [Test]
    public void Each_row_is_prepared_once_per_number_of_threads_and_timed_in_every_round()
    {
        var peer = new SlowPeer();
        var results = PeerBench.Run([Sum("a"), Sum("b")], peer, Quick with { Threads = [1] });
        Assert.That(
            peer.Asked,
            Is.EqualTo(new[] { "prepare a 1", "time", "time", "time", "prepare b 1", "time", "time", "time" })
        );
        Assert.That(results.Select(result => result.Row.Name), Is.EqualTo(new[] { "a", "b" }));
        Assert.That(results[0].PeerMs, Is.EqualTo(1000));
        Assert.That(results[0].OursMs, Is.GreaterThan(0).And.LessThan(1000));
        Assert.That(results[0].Environment, Is.EqualTo("SLOW=1"));
    }

    [Test]
    public void Threads_are_restored_and_what_the_machine_lacks_is_left_out()
    {
        var before = CpuThreads.Count;
        var results = PeerBench.Run([Sum("a")], null, Quick with { Threads = [1, before + 1] });
        Assert.That(results.Single().Threads, Is.EqualTo(1));
        Assert.That(CpuThreads.Count, Is.EqualTo(before));
    }

    [Test]
    public void Every_row_of_the_suite_runs()
    {
        foreach (var row in PeerSuite.Ops)
        {
            using var frame = Lifetime.Frame();
            Assert.That(PeerTasks.Prepare(row).Call, Throws.Nothing, row.Name);
        }
    }

    [Test]
    public void Every_row_of_the_kernels_runs_on_the_cpu_when_it_is_small()
    {
        foreach (var row in PeerSuite.Kernels(64))
        {
            using var frame = Lifetime.Frame();
            Assert.That(PeerTasks.Prepare(row).Call, Throws.Nothing, row.Name);
        }
    }

    [Test]
    public void Every_task_of_the_suite_has_a_version_in_PyTorch()
    {
        var script = File.ReadAllText(Path.Combine(Path.GetDirectoryName(PeerProcess.FindScript())!, "torch_ops.py"));
        foreach (var task in PeerSuite.Ops.Concat(PeerSuite.Kernels()).Select(row => row.Task).Distinct())
            Assert.That(script, Does.Contain($"\n    \"{task}\": "));
    }

    [Test]
    public void Json_has_a_row_for_each_result_and_says_who_the_peer_is()
    {
        var report = new PeerReport([Result(2, 5), Result(2, null)], new SlowPeer().About, Quick);
        var json = JsonNode.Parse(report.ToJson())!;
        Assert.That(json["peer"]!.GetValue<string>(), Is.EqualTo("Slow 1.0"));
        Assert.That(json["blas"]!.GetValue<string>(), Is.EqualTo("NoBlas"));
        var row = json["rows"]![0]!;
        Assert.That(row["name"]!.GetValue<string>(), Is.EqualTo("add 4"));
        Assert.That(row["ours_ms"]!.GetValue<double>(), Is.EqualTo(2));
        Assert.That(row["peer_ms"]!.GetValue<double>(), Is.EqualTo(5));
        Assert.That(row["ratio"]!.GetValue<double>(), Is.EqualTo(2.5));
        Assert.That(row["threads"]!.GetValue<int>(), Is.EqualTo(1));
        Assert.That(row["ours_rate"]!.GetValue<double>(), Is.EqualTo(1));
        Assert.That(row["unit"]!.GetValue<string>(), Is.EqualTo("GB/s"));
        Assert.That(json["rows"]![1]!["ratio"], Is.Null);
        Assert.That(json["goals"]![0]!["met"]!.GetValue<bool>(), Is.True);
    }

    [Test]
    public void Markdown_has_the_table_the_method_and_the_goals()
    {
        var report = new PeerReport([Result(2, 5)], new SlowPeer().About, Quick);
        var text = report.ToMarkdown("cudanet bench", new DateTime(2026, 1, 2, 0, 0, 0, DateTimeKind.Utc));
        Assert.That(text, Does.Contain("| add 4 | 2.50 | 2 | 5 | 1 | 0.4 | GB/s |"));
        Assert.That(text, Does.Contain("Slow 1.0 with NoBlas").And.Contain("2026-01-02").And.Contain("3 rounds"));
        Assert.That(text, Does.Contain("sums: geometric mean 2.50 (goal 1.5), least 2.50 (goal 1.0): met"));
    }

    [Test]
    public void A_script_is_asked_line_by_line()
    {
        using var folder = new TemporaryFolder();
        var script = Script(
            folder,
            """
            read -r about <<< '{"version": "Fake 2", "blas": "b", "capability": "c"}'; echo "$about"
            read -r question; case $question in *'"task":"add"'*'"threads":2'*) echo '{"environment": "E=1"}' ;; esac
            read -r question; [[ $question == '{"time":0.25}' ]] && echo '{"seconds": 0.5}'
            echo '{"error": "out of luck"}'
            cat > /dev/null
            """
        );
        using var peer = new PeerProcess("/bin/bash", script);
        Assert.That(peer.About, Is.EqualTo(new PeerAbout("Fake 2", "b", "c")));
        Assert.That(peer.Prepare(Sum("a"), 2), Is.EqualTo("E=1"));
        Assert.That(peer.Time(0.25), Is.EqualTo(0.5));
        Assert.That(() => peer.Time(0.25), Throws.TypeOf<PeerException>().With.Message.Contains("out of luck"));
    }

    [TestCase("echo '{\"error\": \"cannot import torch\"}'", "cannot import torch", "python3-torch")]
    [TestCase("echo hello", "'hello'", "no JSON object")]
    [TestCase("exit 3", "has ended")]
    public void A_peer_that_fails_is_reported_in_one_message(string body, params string[] says)
    {
        using var folder = new TemporaryFolder();
        var script = Script(folder, body);
        var error = Assert.Throws<PeerException>(() => new PeerProcess("/bin/bash", script).Dispose())!;
        foreach (var text in says)
            Assert.That(error.Message, Does.Contain(text));
    }

    [Test]
    public void The_command_line_names_what_is_missing()
    {
        CliRun.Of("bench", "--suite", "opps").IsRefusal("opps", "expected ops");
        CliRun.Of("bench", "--peer").IsRefusal("--peer", "--suite ops");
        CliRun.Of("bench", "--suite", "ops", "--op", "nothing*").IsRefusal("nothing*", "--list");
        CliRun
            .Of("bench", "--suite", "ops", "--peer", "--peer-python", "/no/such/python")
            .IsRefusal("/no/such/python", "python3-torch");
        Assert.That(CliRun.Of("bench", "--suite", "ops", "--list").IsFine(), Does.Contain("matmul 64x64x64\n"));
    }

    [Test]
    public void Our_side_runs_alone()
    {
        var json = CliRun
            .Of("bench", "--suite", "ops", "--op", "exp*", "--rounds", "2", "--seconds", "0.01", "--json")
            .IsFine();
        Assert.That(JsonNode.Parse(json)!["rows"]![0]!["name"]!.GetValue<string>(), Is.EqualTo("exp 512x1024"));
    }

    private static string Script(TemporaryFolder folder, string text)
    {
        var path = folder.File("peer.sh");
        File.WriteAllText(path, text + "\n");
        return path;
    }
}
