using System.Globalization;
using System.Text.Json.Nodes;
using CudaNet.Cli.Commands;
using CudaNet.Models;
using CudaNet.Reporting;
using CudaNet.Training;

namespace CudaNet.Cli;

/// <summary>One session of training: a new run, or the continuation of one.</summary>
internal sealed class TrainRun(
    CliConsole console,
    IRecipe? recipe,
    Dictionary<string, string> given,
    TrainOptions options
)
{
    private const string DefaultDevice = "cpu";

    public int Execute() => options.Resume is { } path ? Continue(path) : Begin(recipe!);

    private int Begin(IRecipe chosen)
    {
        // Relative to where it was typed; the run may be continued from elsewhere.
        if (given.TryGetValue("data", out var data))
            given["data"] = Path.GetFullPath(data);
        var values = new RecipeOptions(chosen, given);
        var device = CliOptions.Open(options.Device ?? DefaultDevice);
        using var isDefault = device.AsDefault();
        // Everything that can be wrong is found before anything is written.
        var prepared = chosen.Prepare(values);
        var folder = options.Out is { } path ? RunFolder.CreateAt(path) : RunFolder.Create("runs", chosen.Name);
        RunConfig.Write(folder, chosen, values, device);
        return Train(chosen, prepared, folder, device, resume: false);
    }

    private int Continue(string path)
    {
        if (options.Out is not null)
            throw new UsageException("--out and --resume exclude each other: a resumed run stays in its folder");
        var folder = RunFolder.Open(path);
        var (name, stored, deviceName) = RunConfig.Read(folder);
        if (recipe is not null && recipe.Name != name)
            throw new UsageException($"--resume {path}: that run trains {name}, not {recipe.Name}");
        foreach (var (option, value) in given)
        {
            if (option != "epochs" && stored.GetValueOrDefault(option) != value)
                throw new UsageException(
                    $"--resume {path}: --{option} was {stored.GetValueOrDefault(option) ?? "not given"} and cannot be changed to {value}; only --epochs and --device can"
                );
            stored[option] = value;
        }
        if (!Checkpoint.Exists(folder.CheckpointPath))
            throw new UsageException(
                $"--resume {path}: there is no checkpoint in it, the run stopped before its first; train {name} again without --resume"
            );
        var chosen = RecipeRegistry.Find(name);
        var values = new RecipeOptions(chosen, stored);
        var device = CliOptions.Open(options.Device ?? deviceName);
        using var isDefault = device.AsDefault();
        var prepared = chosen.Prepare(values);
        if (given.Count > 0 || device.Name != deviceName)
        {
            // The folder says what the run was until it is sure that it can be continued otherwise.
            Checkpoint.Load(folder.CheckpointPath);
            RunConfig.Write(folder, chosen, values, device);
        }
        return Train(chosen, prepared, folder, device, resume: true);
    }

    private int Train(IRecipe chosen, IPreparedRecipe prepared, RunFolder folder, Device device, bool resume)
    {
        using var stop = new CancellationTokenSource();
        ConsoleCancelEventHandler onInterrupt = (_, e) =>
        {
            // The second Ctrl-C ends the program at once.
            e.Cancel = !stop.IsCancellationRequested;
            stop.Cancel();
        };
        Console.CancelKeyPress += onInterrupt;
        using var terminate = System.Runtime.InteropServices.PosixSignalRegistration.Create(
            System.Runtime.InteropServices.PosixSignal.SIGTERM,
            signal =>
            {
                signal.Cancel = true;
                stop.Cancel();
            }
        );
        IReadOnlyDictionary<string, double>? results;
        try
        {
            var report = options.Json ? null : TrainReport.For(console);
            report?.Begin(
                $"{prepared.Description}; {prepared.ParameterCount.ToString("N0", CultureInfo.InvariantCulture)} parameters; on {device}; in {ShownPath.Of(folder.Path)}"
            );
            results = report is null
                ? prepared.Run(new RecipeRun(folder, resume, null, stop.Token))
                : report.Run(observer => prepared.Run(new RecipeRun(folder, resume, observer, stop.Token)));
        }
        finally
        {
            Console.CancelKeyPress -= onInterrupt;
        }
        if (results is null)
            return CommandLine.Fail(
                console,
                $"stopped; the checkpoint is saved. Continue with: cudanet train --resume {ShownPath.Of(folder.Path)}",
                ExitCode.Interrupted
            );
        Finish(chosen, prepared, folder, device, results);
        return ExitCode.Ok;
    }

    private void Finish(
        IRecipe chosen,
        IPreparedRecipe prepared,
        RunFolder folder,
        Device device,
        IReadOnlyDictionary<string, double> results
    )
    {
        var summary = new JsonObject { ["recipe"] = chosen.Name, ["device"] = device.Name };
        foreach (var (name, value) in results)
            summary[name] = RunFolder.Number(value);
        summary["parameters"] = prepared.ParameterCount;
        summary["finished"] = DateTime.UtcNow.ToString("yyyy-MM-dd HH:mm 'UTC'", CultureInfo.InvariantCulture);
        folder.WriteSummary(summary);
        RunPages.Write(folder, chosen, prepared);
        if (options.Json)
        {
            summary["run"] = folder.Path;
            Json.Print(console, summary);
            return;
        }
        foreach (var (name, value) in results)
            if (Numbers.IsShare(name) && !name.StartsWith("train_", StringComparison.Ordinal))
                console.Out.WriteLine($"{Numbers.Words(name)} {Numbers.Percent(value)}");
        console.Out.WriteLine($"the run is in {ShownPath.Of(folder.Path)}; open {ShownPath.Of(folder.ReportPath)}");
    }
}
