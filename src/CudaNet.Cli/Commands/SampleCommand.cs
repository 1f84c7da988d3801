using System.CommandLine;
using System.Text.Json.Nodes;
using CudaNet.IO;
using CudaNet.Models;
using CudaNet.Training;

namespace CudaNet.Cli.Commands;

/// <summary><c>cudanet sample RUN</c>: what a trained network makes, or makes of what it is given.</summary>
internal static class SampleCommand
{
    public static CliCommand Create(CliConsole console)
    {
        var run = new Argument<string>("RUN") { Description = "The folder of a run." };
        var count = new Option<int?>("--count", "-n")
        {
            Description = "How many samples. [default: 16; with --in all that the file holds]",
            HelpName = "N",
            CustomParser = result =>
            {
                if (int.TryParse(result.Tokens[0].Value, out var value) && value >= 1)
                    return value;
                result.AddError($"--count {result.Tokens[0].Value}: expected a number of at least 1");
                return null;
            },
        };
        var input = new Option<string?>("--in", "-i")
        {
            Description = "What to work on: for classifiers a PNG picture, or an .npz or .npy file of images.",
            HelpName = "FILE",
        };
        var output = new Option<string?>("--out", "-o")
        {
            Description = "The PNG file for the pictures. [default: samples.png in the run; with --in none]",
            HelpName = "FILE",
        };
        var seed = CliOptions.Number("--seed", "N", "Chooses what is drawn.", 1L, 0L);
        var device = CliOptions.Device();
        var json = CliOptions.Json();
        var command = new CliCommand(
            "sample",
            "Try a trained network: on test images, on given ones, or by letting it generate."
        )
        {
            Examples =
            [
                "cudanet sample runs/cnn-001",
                "cudanet sample runs/cnn-001 --count 64 --seed 7 --out samples.png",
                "cudanet sample runs/cnn-001 --in digit.png",
                "cudanet sample runs/cnn-001 --in images.npz --json",
            ],
        };
        command.Add(run);
        foreach (var option in new Option[] { count, input, output, seed, device, json })
            command.Add(option);
        command.SetAction(parsed =>
        {
            var request = new SampleRequest(
                parsed.GetValue(count),
                (ulong)parsed.GetValue(seed),
                parsed.GetValue(input)
            );
            using var isDefault = CliOptions.Open(parsed.GetValue(device)!).AsDefault();
            return Run(console, parsed.GetValue(run)!, request, parsed.GetValue(output), parsed.GetValue(json));
        });
        return command;
    }

    private static int Run(CliConsole console, string path, SampleRequest request, string? output, bool json)
    {
        var (folder, recipe, options) = RunConfig.Open(path);
        var prepared = recipe.Prepare(options, loadData: false);
        if (prepared is not ISampler sampler)
            throw new UsageException($"sample {path}: {recipe.Name} has nothing to sample");
        prepared.Restore(folder);
        if (request.Input is null)
            output ??= folder.SamplesPath;
        var samples = new List<Sample>();
        foreach (var sample in sampler.Sample(request))
        {
            samples.Add(sample);
            if (!json)
                console.Out.WriteLine(sample.Text);
        }
        if (output is not null)
            RunPages.WriteSheet(output, samples);
        if (json)
            Json.Print(
                console,
                new JsonObject
                {
                    ["run"] = Path.GetFullPath(path),
                    ["out"] = output is null ? null : Path.GetFullPath(output),
                    ["samples"] = Json.Array(samples.Select(sample => sample.Values)),
                }
            );
        else if (output is not null)
            console.Out.WriteLine($"written to {ShownPath.Of(Path.GetFullPath(output))}");
        return ExitCode.Ok;
    }
}
