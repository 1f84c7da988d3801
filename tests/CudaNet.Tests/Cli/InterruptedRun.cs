using System.Text.Json.Nodes;
using CudaNet.Models;
using CudaNet.Training;

namespace CudaNet.Tests.Cli;

/// <summary>A run that was asked to stop, as Ctrl-C does, so that <c>train --resume</c> can continue it.</summary>
internal static class InterruptedRun
{
    /// <summary>Trains as the command does, until so many steps are done or a few more.</summary>
    /// <param name="recipeName">What to train.</param>
    /// <param name="arguments">Options with their values, as on the command line.</param>
    /// <param name="path">The run's folder.</param>
    /// <param name="steps">When to stop.</param>
    public static void Make(string recipeName, string[] arguments, string path, int steps)
    {
        var recipe = RecipeRegistry.Find(recipeName);
        var given = arguments.Chunk(2).ToDictionary(pair => pair[0].TrimStart('-'), pair => pair[1]);
        var options = new RecipeOptions(recipe, given);
        var folder = RunFolder.CreateAt(path);
        var stored = new JsonObject();
        foreach (var (name, value) in options.Values)
            stored[name] = value;
        folder.WriteConfig(
            new JsonObject
            {
                ["recipe"] = recipeName,
                ["device"] = "cpu",
                ["options"] = stored,
            }
        );
        using var stop = new CancellationTokenSource();
        var observer = new StopAfter(steps, stop);
        var results = recipe.Prepare(options).Run(new RecipeRun(folder, Observer: observer, Stop: stop.Token));
        Assert.That(results, Is.Null);
    }

    /// <summary>Asserts that a run that is interrupted and continued ends as one that is not: with the same weights and the same metrics.</summary>
    public static void ContinuesBitForBit(string recipe, string[] arguments, int steps)
    {
        using var folder = new IO.TemporaryFolder();
        CliRun.Of(["train", recipe, "--out", folder.File("whole"), .. arguments]).IsFine();
        Make(recipe, arguments, folder.File("parts"), steps);
        Assert.That(File.Exists(Path.Combine(folder.File("parts"), "summary.json")), Is.False);
        CliRun.Of("train", "--resume", folder.File("parts")).IsFine();
        Assert.That(RunFiles.Arrays(folder.File("parts")), Is.EqualTo(RunFiles.Arrays(folder.File("whole"))));
        Assert.That(RunFiles.Metrics(folder.File("parts")), Is.EqualTo(RunFiles.Metrics(folder.File("whole"))));
    }

    private sealed class StopAfter(int steps, CancellationTokenSource stop) : ITrainingObserver
    {
        public void OnProgress(TrainingProgress progress)
        {
            if (progress.Step >= steps)
                stop.Cancel();
        }

        public void OnEpoch(TrainingProgress progress) { }
    }
}
