using System.CommandLine;
using CudaNet.Models;

namespace CudaNet.Cli.Commands;

/// <summary><c>cudanet train RECIPE</c>, and <c>cudanet train --resume RUN</c>.</summary>
internal static class TrainCommand
{
    public const string Description = "Train a recipe, or continue an interrupted run.";

    public static CliCommand Create(CliConsole console)
    {
        var shared = new SharedOptions();
        var command = new CliCommand("train", Description)
        {
            Examples =
            [
                "cudanet train mlp",
                "cudanet train mlp --data mnist --epochs 10 --seed 3",
                "cudanet train linear --device simt --limit 256 --epochs 1",
                "cudanet train --resume runs/mlp-001",
                "cudanet train --resume runs/mlp-001 --epochs 20",
            ],
        };
        shared.AddTo(command);
        var epochs = new Option<string?>("--epochs")
        {
            Description = "With --resume: train up to this many epochs instead.",
            HelpName = "N",
        };
        command.Add(epochs);
        foreach (var recipe in RecipeRegistry.All)
            command.Add(Create(recipe, console));
        command.SetAction(parsed =>
        {
            var run = shared.Read(parsed);
            if (run.Resume is null)
                throw new UsageException(
                    $"train: a recipe is missing; expected one of {string.Join(", ", RecipeRegistry.All.Select(r => r.Name))}, or --resume RUN"
                );
            var given = new Dictionary<string, string>(StringComparer.Ordinal);
            if (parsed.GetValue(epochs) is { } text)
                given["epochs"] = text;
            return new TrainRun(console, null, given, run).Execute();
        });
        return command;
    }

    private static CliCommand Create(IRecipe recipe, CliConsole console)
    {
        var shared = new SharedOptions();
        var command = new CliCommand(recipe.Name, recipe.Description)
        {
            Examples = [$"cudanet train {recipe.Name}", $"cudanet train {recipe.Name} --data DIR --out runs/mine"],
        };
        var own = recipe
            .Options.Select(option => new Option<string?>($"--{option.Name}")
            {
                Description = option.Explanation,
                HelpName = option.ValueName,
            })
            .ToList();
        own.ForEach(command.Add);
        shared.AddTo(command);
        command.SetAction(parsed =>
        {
            var given = new Dictionary<string, string>(StringComparer.Ordinal);
            for (var i = 0; i < own.Count; i++)
                if (parsed.GetValue(own[i]) is { } text)
                    given[recipe.Options[i].Name] = text;
            return new TrainRun(console, recipe, given, shared.Read(parsed)).Execute();
        });
        return command;
    }

    /// <summary>What every recipe takes.</summary>
    private sealed class SharedOptions
    {
        private readonly Option<string?> _device = new("--device", "-d")
        {
            Description = "Where to run: cpu, simt (the CUDA kernels on the CPU) or cuda:N. [default: cpu]",
            HelpName = "DEVICE",
        };

        private readonly Option<string?> _out = new("--out", "-o")
        {
            Description =
                "The run's folder; one that holds something else is left alone and a numbered one made beside it. [default: runs/RECIPE-NNN]",
            HelpName = "DIR",
        };

        private readonly Option<string?> _resume = new("--resume")
        {
            Description = "Continue the run in this folder from its checkpoint, bit for bit.",
            HelpName = "RUN",
        };

        private readonly Option<bool> _json = CliOptions.Json();

        public void AddTo(Command command)
        {
            foreach (var option in new Option[] { _device, _out, _resume, _json })
                command.Add(option);
        }

        public TrainOptions Read(ParseResult parsed) =>
            new(parsed.GetValue(_device), parsed.GetValue(_out), parsed.GetValue(_resume), parsed.GetValue(_json));
    }
}

/// <summary>What was chosen for a run beside the recipe's own options.</summary>
internal sealed record TrainOptions(string? Device, string? Out, string? Resume, bool Json);
