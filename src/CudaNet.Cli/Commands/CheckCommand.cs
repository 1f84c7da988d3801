using System.CommandLine;
using System.Globalization;
using CudaNet.Verification;
using Spectre.Console;

namespace CudaNet.Cli.Commands;

/// <summary><c>cudanet check</c>: a device's kernels and gradients against the reference.</summary>
internal static class CheckCommand
{
    public static CliCommand Create(CliConsole console)
    {
        var device = CliOptions.Device();
        var op = new Option<string?>("--op")
        {
            Description = "Only ops of this name; * and ? stand for any letters.",
            HelpName = "PATTERN",
        };
        var only = new Option<string?>("--case")
        {
            Description = "Only the case of this name, as a failure prints it.",
            HelpName = "NAME",
        };
        var seeds = new Option<long[]>("--seed")
        {
            Description = "The seed of the inputs; repeat for several. [default: 0]",
            HelpName = "N",
        };
        var variant = CliOptions.Number(
            "--variant",
            "N",
            "Only this variant of the kernels; 0: the one meant for use.",
            0,
            0
        );
        var allVariants = new Option<bool>("--all-variants")
        {
            Description = "Every numbered variant of the kernels, not only the one meant for use.",
        };
        var repeat = CliOptions.Number(
            "--repeat",
            "N",
            "Run each case so many times more; every run has to give the same bits.",
            0,
            0
        );
        var kernels = new Option<KernelSource>("--kernels")
        {
            Description = "Whose kernels run where there is a choice: Own, or Vendor for cuBLAS and cuDNN.",
            HelpName = "SOURCE",
        };
        var noGradients = new Option<bool>("--no-gradients") { Description = "Leave out first and second gradients." };
        var failFast = new Option<bool>("--fail-fast") { Description = "Stop at the first failure." };
        var schedule = new Option<long?>("--schedule-seed")
        {
            Description = "simt: shuffle the threads of each block; 0 keeps them in order.",
            HelpName = "N",
        };
        var defer = new Option<bool>("--defer")
        {
            Description = "simt: streams run late, at moments drawn from the seed.",
        };
        var grid = CliOptions.Number(
            "--grid",
            "N",
            "simt: at most so many blocks where a kernel loops over what is left; 0: as many as on a GPU.",
            0L,
            0L
        );
        var list = new Option<bool>("--list")
        {
            Description =
                "Print the names of the cases instead of running them; with --json, families, variants and counts.",
        };
        var resources = new Option<string?>("--resources")
        {
            Description =
                "Compare what the machine code of this libcudanet_cuda.so needs (registers, spills, …) with the checked-in table instead.",
            HelpName = "LIBRARY",
        };
        var write = new Option<bool>("--write") { Description = "With --resources: write the table." };
        var json = CliOptions.Json();
        var command = new CliCommand("check", "Compare a device's kernels and gradients with the reference.")
        {
            Examples =
            [
                "cudanet check",
                "cudanet check --device cuda:0",
                "cudanet check --device simt --op 'layer_norm*' --all-variants --schedule-seed 3",
            ],
        };
        foreach (
            var option in new Option[]
            {
                device,
                op,
                only,
                seeds,
                variant,
                allVariants,
                repeat,
                kernels,
                noGradients,
                failFast,
                schedule,
                defer,
                grid,
                list,
                resources,
                write,
                json,
            }
        )
            command.Add(option);
        command.SetAction(parsed =>
        {
            if (parsed.GetValue(resources) is { } library)
                return CheckResources(console, library, parsed.GetValue(write));
            var name = parsed.GetValue(device)!;
            var simt = parsed.GetValue(schedule) is not null || parsed.GetValue(defer) || parsed.GetValue(grid) > 0;
            if (simt && name != "simt")
                throw new UsageException(
                    $"check: --schedule-seed, --defer and --grid are for --device simt, not {name}"
                );
            var chosen = parsed.GetValue(seeds);
            var options = new CheckOptions
            {
                Device = CliOptions.Open(name),
                Op = parsed.GetValue(op),
                Case = parsed.GetValue(only),
                Seeds = chosen is { Length: > 0 } ? chosen : [0],
                Variant = parsed.GetValue(variant),
                AllVariants = parsed.GetValue(allVariants),
                Repeats = parsed.GetValue(repeat),
                Kernels = parsed.GetValue(kernels),
                Gradients = !parsed.GetValue(noGradients),
                FailFast = parsed.GetValue(failFast),
                Simt = simt
                    ? new SimtOptions(
                        Defer: parsed.GetValue(defer),
                        ScheduleSeed: parsed.GetValue(schedule) ?? 0,
                        LargestGrid: parsed.GetValue(grid)
                    )
                    : null,
            };
            return parsed.GetValue(list)
                ? List(console, options, parsed.GetValue(json))
                : Run(console, options, parsed.GetValue(json));
        });
        return command;
    }

    private static int CheckResources(CliConsole console, string library, bool write)
    {
        var (wrong, kernels) = ResourceCheck.Run(library, Directory.GetCurrentDirectory(), write);
        foreach (var line in wrong)
            console.Out.WriteLine(line);
        console.Out.WriteLine($"{kernels} kernels, {wrong.Count} lines that differ or spill without a reason");
        return wrong.Count == 0 ? ExitCode.Ok : ExitCode.FoundWrong;
    }

    private static int List(CliConsole console, CheckOptions options, bool json)
    {
        if (json)
            console.Out.WriteLine(CheckRunner.ListToJson(options));
        else
            foreach (var @case in CheckRunner.Select(options))
                console.Out.WriteLine(@case.Name);
        return ExitCode.Ok;
    }

    private static int Run(CliConsole console, CheckOptions options, bool json)
    {
        CheckSummary summary;
        if (json)
        {
            summary = CheckRunner.Run(options);
            console.Out.WriteLine(CheckRunner.ToJson(summary));
            return summary.Passed ? ExitCode.Ok : ExitCode.FoundWrong;
        }
        if (console.IsTerminal)
        {
            var terminal = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(console.Out) });
            summary = terminal
                .Progress()
                .AutoClear(true)
                .Start(context => CheckRunner.Run(options, new BarReporter(terminal, context.AddTask("checking"))));
        }
        else
        {
            summary = CheckRunner.Run(options, new LineReporter(console));
        }
        console.Out.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{options.Device}: {summary.Cases} cases, {summary.Failed} failed, {summary.Seconds:F1} s"
            )
        );
        return summary.Passed ? ExitCode.Ok : ExitCode.FoundWrong;
    }

    /// <summary>A line per op when it is done, and every failure.</summary>
    private sealed class LineReporter(CliConsole console) : ICheckReporter
    {
        private string? _op;
        private int _count;
        private double _worst;

        private int _left;

        public void Starting(int cases) => _left = cases;

        public void Finished(CaseResult result)
        {
            if (result.Op != _op)
                Flush();
            _op = result.Op;
            _count++;
            _worst = Math.Max(_worst, result.WorstRatio);
            if (!result.Passed)
                console.Out.WriteLine($"FAILED {result}");
            if (--_left == 0)
                Flush();
        }

        private void Flush()
        {
            if (_op is null)
                return;
            console.Out.WriteLine(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{_op, -28} {_count, 4} cases, worst error {_worst * 100:F0} % of what is allowed"
                )
            );
            (_op, _count, _worst) = (null, 0, 0);
        }
    }

    private sealed class BarReporter(IAnsiConsole terminal, ProgressTask task) : ICheckReporter
    {
        public void Starting(int cases) => task.MaxValue = Math.Max(1, cases);

        public void Finished(CaseResult result)
        {
            task.Description = Markup.Escape(result.Op);
            task.Increment(1);
            if (!result.Passed)
                terminal.WriteLine($"FAILED {result}");
        }
    }
}
