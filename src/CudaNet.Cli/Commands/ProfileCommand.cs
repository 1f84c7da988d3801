using System.CommandLine;
using CudaNet.Cli.Profiling;
using CudaNet.Models;

namespace CudaNet.Cli.Commands;

/// <summary><c>cudanet profile</c>: where the time of training steps, or of ops, goes.</summary>
internal static class ProfileCommand
{
    public static CliCommand Create(CliConsole console)
    {
        var recipe = new Argument<string?>("RECIPE")
        {
            Description = "The recipe whose training steps are timed; or --op.",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var settings = new Option<string[]>("--set")
        {
            Description = "An option of the recipe, such as batch-size=32; repeat for several.",
            HelpName = "KEY=VALUE",
            DefaultValueFactory = _ => [],
            Arity = ArgumentArity.OneOrMore,
        };
        var op = new Option<string?>("--op")
        {
            Description = "Time the benchmark cases of ops of this name instead; * and ? stand for any letters.",
            HelpName = "PATTERN",
        };
        var only = new Option<string?>("--case")
        {
            Description = "Time this case instead; `cudanet check --list` and `bench --list` name them.",
            HelpName = "NAME",
        };
        var steps = CliOptions.Number("--steps", "N", "Steps, or calls of each case, that are timed.", 20, minimum: 1);
        var warmup = CliOptions.Number("--warmup", "N", "Steps before those, which are not.", 10, minimum: 0);
        var trace = new Option<string?>("--trace")
        {
            Description = "Also write a timeline for chrome://tracing or ui.perfetto.dev.",
            HelpName = "FILE",
        };
        var systems = new Option<string?>("--nsys")
        {
            Description = "Run it under Nsight Systems, which writes this report; without nsys, print the command.",
            HelpName = "REPORT",
        };
        var compute = new Option<string?>("--ncu")
        {
            Description = "Run it under Nsight Compute, which writes this report; without ncu, print the command.",
            HelpName = "REPORT",
        };
        var range = new Option<string>("--range")
        {
            Description = "With --ncu: only kernels launched inside a range of this name, such as an op's.",
            HelpName = "NAME",
            DefaultValueFactory = _ => ProfileResult.Whole,
        };
        var rangesOnly = new Option<bool>("--ranges-only")
        {
            Description = "Time nothing, only open the ranges: what --nsys and --ncu run.",
        };
        var device = CliOptions.Device();
        var json = CliOptions.Json();
        var command = new CliCommand("profile", "Show where the time of a recipe's training steps, or of ops, goes.")
        {
            Examples =
            [
                "cudanet profile cnn",
                "cudanet profile cnn --set batch-size=32 --steps 50 --trace cnn.json",
                "cudanet profile --op 'layer_norm*' --device cuda:0",
                "cudanet profile cnn --device cuda:0 --nsys cnn",
                "cudanet profile cnn --device cuda:0 --steps 1 --ncu cnn --range conv2d",
            ],
        };
        command.Add(recipe);
        foreach (
            var option in new Option[]
            {
                settings,
                op,
                only,
                steps,
                warmup,
                device,
                trace,
                systems,
                compute,
                range,
                rangesOnly,
                json,
            }
        )
            command.Add(option);
        command.SetAction(parsed =>
        {
            var target = new Target(
                parsed.GetValue(recipe),
                parsed.GetValue(settings)!,
                parsed.GetValue(op),
                parsed.GetValue(only)
            );
            target.Check();
            var where = parsed.GetValue(device)!;
            var run = new ProfileRun(
                CliOptions.Open(where),
                parsed.GetValue(steps),
                parsed.GetValue(warmup),
                Ops: !parsed.GetValue(rangesOnly)
            );
            var nsight =
                parsed.GetValue(systems) is { } timeline ? NsightCommand.Systems(timeline)
                : parsed.GetValue(compute) is { } counters ? NsightCommand.Compute(counters, parsed.GetValue(range)!)
                : null;
            if (nsight is not null)
                return nsight.Run(
                    [.. NsightCommand.ThisProgram(), .. target.Arguments(run, where)],
                    Environment.GetEnvironmentVariable("PATH")
                );
            var result = target.Profile(run);
            if (parsed.GetValue(rangesOnly))
                return ExitCode.Ok;
            if (parsed.GetValue(trace) is { } file)
                File.WriteAllText(file, ChromeTrace.Of(result.Spans, run.Device).ToJsonString());
            if (parsed.GetValue(json))
                Json.Print(console, result.ToJson());
            else
                console.Out.WriteLine(result.ToText());
            return ExitCode.Ok;
        });
        return command;
    }

    /// <summary>What was asked to be profiled.</summary>
    private sealed record Target(string? Recipe, string[] Settings, string? Op, string? Case)
    {
        public void Check()
        {
            var chosen = new[] { Recipe, Op, Case }.Count(name => name is not null);
            if (chosen != 1)
                throw new UsageException(
                    $"profile: expected one of RECIPE ({string.Join(", ", RecipeRegistry.All.Select(r => r.Name))}), --op PATTERN and --case NAME; got {(chosen == 0 ? "none" : "several")}"
                );
            if (Recipe is null && Settings.Length > 0)
                throw new UsageException("profile: --set goes with a RECIPE");
        }

        public ProfileResult Profile(ProfileRun run) =>
            Recipe is null
                ? run.Cases(Op, Case)
                : run.Recipe(RecipeRegistry.Find(Recipe), CliOptions.Pairs("profile", "--set", Settings));

        /// <summary>The same for another process, which only opens the ranges.</summary>
        public IEnumerable<string> Arguments(ProfileRun run, string device) =>
            [
                "profile",
                .. Recipe is null ? [] : new[] { Recipe },
                .. Settings.SelectMany(setting => new[] { "--set", setting }),
                .. Op is null ? [] : new[] { "--op", Op },
                .. Case is null ? [] : new[] { "--case", Case },
                "--steps",
                $"{run.Steps}",
                "--warmup",
                $"{run.Warmup}",
                "--device",
                device,
                "--ranges-only",
            ];
    }
}
