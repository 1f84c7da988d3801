using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using CudaNet.Data;

namespace CudaNet.Cli.Commands;

/// <summary><c>cudanet data</c>: what there is to train on.</summary>
internal static class DataCommand
{
    // What one array can hold: 2^31 bytes of 28 × 28.
    private const int MostImages = 2_000_000;

    public static CliCommand Create(CliConsole console)
    {
        var command = new CliCommand("data", "List, get, inspect or draw data sets.")
        {
            Examples =
            [
                "cudanet data list",
                "cudanet data get mnist",
                "cudanet data info data/mnist",
                "cudanet data draw --out digits --train 20000 --seed 3",
                "cudanet train mlp --data digits",
            ],
        };
        command.Add(List(console));
        command.Add(Info(console));
        command.Add(Draw(console));
        command.Add(DataGet.Create(console));
        command.SetAction(
            int (_) =>
                throw new UsageException(
                    $"data: a command is missing; expected one of {string.Join(", ", command.Subcommands.Select(c => c.Name))}"
                )
        );
        return command;
    }

    private static CliCommand List(CliConsole console)
    {
        var json = CliOptions.Json();
        var command = new CliCommand("list", "List the data sets that recipes can read, and where to get them.")
        {
            Examples = ["cudanet data list"],
        };
        command.Add(json);
        command.SetAction(parsed =>
        {
            if (parsed.GetValue(json))
                Json.Print(
                    console,
                    Json.Array(
                        DataSets.All.Select(set => new JsonObject
                        {
                            ["name"] = set.Name,
                            ["description"] = set.Description,
                            ["origin"] = set.Origin,
                            ["usage"] = $"cudanet {set.Usage}",
                            ["get"] = set.Download is null ? null : $"cudanet data get {set.Name}",
                        })
                    )
                );
            else
                foreach (var set in DataSets.All)
                {
                    console.Out.WriteLine($"{set.Name, -14} {set.Description}");
                    console.Out.WriteLine($"{"", -14} from: {set.Origin}");
                    if (set.Download is not null)
                        console.Out.WriteLine($"{"", -14} get:  cudanet data get {set.Name} --out DIR");
                    console.Out.WriteLine($"{"", -14} use:  cudanet {set.Usage}");
                }
            return ExitCode.Ok;
        });
        return command;
    }

    private static CliCommand Info(CliConsole console)
    {
        var folder = new Argument<string>("DIR") { Description = "A folder with data files." };
        var json = CliOptions.Json();
        var command = new CliCommand(
            "info",
            "Show what lies in a folder: files, counts, checksums, and what a recipe would use."
        )
        {
            Examples = ["cudanet data info mnist", "cudanet data info mnist --json"],
        };
        command.Add(folder);
        command.Add(json);
        command.SetAction(parsed =>
        {
            var found = DataFolder.Read(parsed.GetValue(folder)!);
            if (parsed.GetValue(json))
                Json.Print(console, Describe(found));
            else
                Print(console, found);
            return found.Images is null ? ExitCode.FoundWrong : ExitCode.Ok;
        });
        return command;
    }

    private static CliCommand Draw(CliConsole console)
    {
        var output = new Option<string>("--out", "-o")
        {
            Description = "The folder for the files, which is made when it is not there.",
            HelpName = "DIR",
            Required = true,
        };
        var seed = CliOptions.Number(
            "--seed",
            "N",
            "Chooses the digits; 1 gives those that recipes draw for themselves.",
            1L,
            0L
        );
        var train = CliOptions.Number("--train", "N", "Training images.", 8000, 1);
        var test = CliOptions.Number("--test", "N", "Test images.", 2000, 1);
        var json = CliOptions.Json();
        var command = new CliCommand("draw", "Draw digits and write them as IDX files, as MNIST's are.")
        {
            Examples =
            [
                "cudanet data draw --out digits",
                "cudanet data draw --out digits --train 60000 --test 10000 --seed 3",
            ],
        };
        foreach (var option in new Option[] { output, seed, train, test, json })
            command.Add(option);
        command.SetAction(parsed =>
        {
            var data = DrawnDigits.Load((ulong)parsed.GetValue(seed), Count(parsed, train), Count(parsed, test));
            var files = Mnist.Save(parsed.GetValue(output)!, data);
            if (parsed.GetValue(json))
                Json.Print(console, new JsonObject { ["files"] = Json.Array(files.Select(Path.GetFullPath)) });
            else
                foreach (var file in files)
                    console.Out.WriteLine($"written to {ShownPath.Of(Path.GetFullPath(file))}");
            return ExitCode.Ok;
        });
        return command;
    }

    private static int Count(ParseResult parsed, Option<int> option) =>
        parsed.GetValue(option) is <= MostImages and var count
            ? count
            : throw new UsageException(
                $"{option.Name} {parsed.GetValue(option)}: expected at most {MostImages} images"
            );

    private static void Print(CliConsole console, DataFolder found)
    {
        foreach (var file in found.Files)
        {
            console.Out.WriteLine(
                string.Create(CultureInfo.InvariantCulture, $"{file.Name}  {file.Bytes:N0} bytes{Shape(file)}")
            );
            console.Out.WriteLine($"    sha256 {file.Sha256}");
            if (file.ClassCounts is { } counts)
                console.Out.WriteLine(
                    $"    labels {string.Join("  ", counts.Select((count, label) => $"{label}: {count}"))}"
                );
            if (file.Problem is { } problem)
                console.Out.WriteLine($"    DAMAGED: {problem}");
        }
        if (found.Files.Count > 0)
            console.Out.WriteLine();
        console.Out.WriteLine(
            found.Images is { } images
                ? string.Create(
                    CultureInfo.InvariantCulture,
                    $"{images.Train.Count:N0} training and {images.Test.Count:N0} test images of {images.Train.Height} × {images.Train.Width}"
                )
                : $"No recipe can use this folder. {found.Problem}"
        );
    }

    private static string Shape(DataFile file) => file.Shape is { } shape ? $"  {string.Join(" × ", shape)}" : "";

    private static JsonObject Describe(DataFolder found) =>
        new()
        {
            ["folder"] = Path.GetFullPath(found.Path),
            ["files"] = Json.Array(
                found.Files.Select(file => new JsonObject
                {
                    ["name"] = file.Name,
                    ["bytes"] = file.Bytes,
                    ["sha256"] = file.Sha256,
                    ["shape"] = file.Shape is { } shape ? Json.Array(shape.Select(extent => (JsonNode?)extent)) : null,
                    ["class_counts"] = file.ClassCounts is { } counts
                        ? Json.Array(counts.Select(count => (JsonNode?)count))
                        : null,
                    ["problem"] = file.Problem,
                })
            ),
            ["train"] = found.Images?.Train.Count,
            ["test"] = found.Images?.Test.Count,
            ["problem"] = found.Problem,
        };
}
