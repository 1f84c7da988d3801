using System.Diagnostics;
using CudaNet.Random;
using CudaNet.Tests.IO;
using static CudaNet.Tests.Cli.RunFiles;

namespace CudaNet.Tests.Cli;

/// <summary>A run that writes a checkpoint every few milliseconds is killed again and again, and loses nothing that it had.</summary>
[TestFixture]
[Category("Verify")]
[NonParallelizable]
public sealed class KillTests
{
    private const int Kills = 50;

    private static readonly string[] s_tiny = ["--limit", "96", "--batch-size", "32"];

    [Test]
    public void Killed_at_fifty_random_moments_a_run_is_what_it_would_have_been()
    {
        if (OperatingSystem.IsWindows())
            Assert.Ignore("signals are Unix's");
        using var folder = new TemporaryFolder();
        var run = folder.File("run");
        var random = new PhiloxStream(17, 0);
        var amidst = 0;
        for (var kill = 0; kill < Kills; kill++)
        {
            string[] command =
                kill == 0
                    ? ["train", "linear", "--out", run, .. s_tiny, "--epochs", "1000000"]
                    : ["train", "--resume", run];
            var before = Lines(run);
            using var child = CliProcess.Start(command);
            // Two of three come while it trains; the others at any time, also while it reads the checkpoint.
            if (kill == 0)
                WaitFor(() => Directory.Exists(CheckpointFolder(run)), child);
            else if (kill % 3 != 2)
                WaitFor(() => Lines(run) > before, child);
            Thread.Sleep(random.NextInt(250));
            child.Send("KILL");
            var (code, error) = child.Wait();
            Assert.That(code, Is.EqualTo(128 + 9), $"kill {kill}: it ended by itself: {error}");
            amidst +=
                Directory.Exists(CheckpointFolder(run) + ".new") || Directory.Exists(CheckpointFolder(run) + ".old")
                    ? 1
                    : 0;
        }
        TestContext.Out.WriteLine($"{Kills} kills, {amidst} of them amidst a checkpoint, {Lines(run)} epochs");

        var epochs = $"{Lines(run) + 2}";
        CliRun.Of("train", "--resume", run, "--epochs", epochs).IsFine();
        var whole = folder.File("whole");
        CliRun.Of(["train", "linear", "--out", whole, .. s_tiny, "--epochs", epochs]).IsFine();
        Assert.That(Metrics(run), Is.EqualTo(Metrics(whole)));
        Assert.That(Arrays(run), Is.EqualTo(Arrays(whole)));
    }

    private static void WaitFor(Func<bool> isSo, CliProcess child)
    {
        var watch = Stopwatch.StartNew();
        while (!isSo())
        {
            if (child.HasEnded || watch.Elapsed > TimeSpan.FromMinutes(1))
                Assert.Fail($"the run ended, or made no progress in a minute: {child.Kill()}");
            Thread.Sleep(2);
        }
    }

    private static int Lines(string run)
    {
        var path = Path.Combine(run, "metrics.jsonl");
        return File.Exists(path) ? File.ReadAllBytes(path).AsSpan().Count((byte)'\n') : 0;
    }
}
