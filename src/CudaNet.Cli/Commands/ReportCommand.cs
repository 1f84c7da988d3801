using System.CommandLine;
using System.Text.Json.Nodes;
using CudaNet.Data;
using CudaNet.Models;
using CudaNet.Reporting;
using CudaNet.Training;

namespace CudaNet.Cli.Commands;

/// <summary><c>cudanet report RUN</c>: the page of a run, or one that compares several.</summary>
internal static class ReportCommand
{
    private const string ComparisonFile = "comparison.html";

    public static CliCommand Create(CliConsole console)
    {
        var runs = new Argument<string[]>("RUN")
        {
            Description = "The folder of a run; with several, their curves are laid over each other.",
            Arity = ArgumentArity.OneOrMore,
        };
        var output = new Option<string?>("--out", "-o")
        {
            Description = $"The page to write. [default: report.html in the run; {ComparisonFile} for several]",
            HelpName = "FILE",
        };
        var device = CliOptions.Device();
        var json = CliOptions.Json();
        var command = new CliCommand("report", "Write a page with the curves, numbers and pictures of a run.")
        {
            Examples =
            [
                "cudanet report runs/cnn-001",
                "cudanet report runs/mlp-001 runs/cnn-001 --out compare.html",
                "cudanet report runs/cnn-001 --json",
            ],
        };
        command.Add(runs);
        foreach (var option in new Option[] { output, device, json })
            command.Add(option);
        command.SetAction(parsed =>
        {
            var folders = parsed.GetValue(runs)!;
            var path = parsed.GetValue(output);
            var written =
                folders.Length > 1
                    ? Compare(folders, path ?? ComparisonFile)
                    : One(console, folders[0], path, CliOptions.Open(parsed.GetValue(device)!));
            if (parsed.GetValue(json))
                Json.Print(console, written);
            else
                console.Out.WriteLine($"written to {ShownPath.Of(written["report"]!.GetValue<string>())}");
            return ExitCode.Ok;
        });
        return command;
    }

    private static JsonObject One(CliConsole console, string path, string? output, Device device)
    {
        var (folder, recipe, options) = RunConfig.Open(path);
        var run = RunRecord.Load(folder);
        output ??= folder.ReportPath;
        using var isDefault = device.AsDefault();
        var (title, sections) = Sections(console, folder, recipe, options);
        RunPages.Write(output, RunReport.Of(run, title, recipe.Description, sections));
        return Describe(output, [run]);
    }

    /// <summary>What the recipe itself shows. Without its data or a checkpoint, the curves are still worth a page.</summary>
    private static (string Title, IReadOnlyList<ReportSection> Sections) Sections(
        CliConsole console,
        RunFolder folder,
        IRecipe recipe,
        RecipeOptions options
    )
    {
        try
        {
            var prepared = recipe.Prepare(options);
            if (prepared is not IReportSections own)
                return (prepared.Description, []);
            if (!Checkpoint.Exists(folder.CheckpointPath))
                return (prepared.Description, [Absent("The run has not come to its first checkpoint yet.")]);
            prepared.Restore(folder);
            return (prepared.Description, own.ReportSections());
        }
        catch (DataNotFoundException e)
        {
            console.Error.WriteLine($"cudanet: the page has curves only: {e.Message.ReplaceLineEndings(" ")}");
            return (recipe.Name, [Absent(e.Message)]);
        }
    }

    private static ReportSection Absent(string why) => new("Pictures", $"They are missing here. {why}", []);

    private static JsonObject Compare(string[] folders, string output)
    {
        var runs = folders.Select(folder => RunRecord.Load(RunFolder.Open(folder))).ToList();
        // Runs of one name, in different places, are told apart by what was typed.
        if (runs.Select(run => run.Name).Distinct().Count() < runs.Count)
            runs = [.. runs.Zip(folders, (run, folder) => run with { Name = folder })];
        RunPages.Write(output, RunReport.Comparison(runs));
        return Describe(output, runs);
    }

    private static JsonObject Describe(string output, IReadOnlyList<RunRecord> runs) =>
        new()
        {
            ["report"] = Path.GetFullPath(output),
            ["runs"] = Json.Array(
                runs.Select(run =>
                {
                    var results = new JsonObject();
                    foreach (var (name, value) in run.Results)
                        results[name] = RunFolder.Number(value);
                    return new JsonObject
                    {
                        ["run"] = run.Path,
                        ["finished"] = run.Summary is not null,
                        ["results"] = results,
                    };
                })
            ),
        };
}
