using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.Runtime.CompilerServices;
using CudaNet.Cli.Commands;

namespace CudaNet.Cli;

/// <summary>The verbs, and how errors become one line and an exit code.</summary>
internal static class CommandLine
{
    public static int Run(IReadOnlyList<string> args, CliConsole console)
    {
        try
        {
            var root = Root(args, console);
            var parsed = root.Parse(args);
            if (parsed.Action is ParseErrorAction)
                return Fail(console, ParseErrors.Describe(parsed), ExitCode.UsedWrong);
            var configuration = new InvocationConfiguration
            {
                Output = console.Out,
                Error = console.Error,
                EnableDefaultExceptionHandler = false,
                // Commands that can be interrupted handle Ctrl-C themselves.
                ProcessTerminationTimeout = null,
            };
            return parsed.Invoke(configuration);
        }
        catch (Exception error) when (error is not InsufficientExecutionStackException)
        {
            return Errors.Report(console, error);
        }
    }

    internal static int Fail(CliConsole console, string message, int code)
    {
        console.Error.WriteLine($"cudanet: {message.ReplaceLineEndings(" ")}");
        return code;
    }

    private static RootCommand Root(IReadOnlyList<string> args, CliConsole console)
    {
        // The recipes are looked up only for the verb that lists them as its own verbs: help is to come at once.
        var root = new RootCommand(
            "A deep-learning engine for C#: its hand-written CUDA kernels, on a GPU or on the CPU."
        )
        {
            DevicesCommand.Create(console),
            DoctorCommand.Create(console),
            DoctorTrainingCommand.Create(console),
            RecipesCommand.Create(console),
            args.Contains("train") ? Train(console) : new CliCommand("train", TrainCommand.Description),
            SampleCommand.Create(console),
            ReportCommand.Create(console),
            DataCommand.Create(console),
            BenchCommand.Create(console),
            ProfileCommand.Create(console),
            CheckCommand.Create(console),
            MutateCommand.Create(console),
            OpCommand.Create(console),
            ModuleCommand.Create(console),
        };
        root.SetAction(
            int (_) =>
                throw new UsageException(
                    $"a verb is missing; expected one of {string.Join(", ", root.Subcommands.Select(c => c.Name))} (see cudanet --help)"
                )
        );
        foreach (var option in root.Options)
            if (option is HelpOption { Action: HelpAction action } help)
                help.Action = new HelpWithExamples(action);
        return root;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static CliCommand Train(CliConsole console) => TrainCommand.Create(console);

    private sealed class HelpWithExamples(HelpAction help) : SynchronousCommandLineAction
    {
        public override bool ClearsParseErrors => true;

        public override int Invoke(ParseResult parsed)
        {
            var code = help.Invoke(parsed);
            var examples = parsed.CommandResult.Command switch
            {
                CliCommand command => command.Examples,
                RootCommand => ["cudanet train mlp", "cudanet devices", "cudanet train mlp --help"],
                _ => [],
            };
            if (examples.Count == 0)
                return code;
            var output = parsed.InvocationConfiguration.Output;
            output.WriteLine("Examples:");
            foreach (var example in examples)
                output.WriteLine($"  {example}");
            output.WriteLine();
            return code;
        }
    }
}

/// <summary>A verb with the examples that its help shows.</summary>
internal sealed class CliCommand(string name, string description) : Command(name, description)
{
    public IReadOnlyList<string> Examples { get; init; } = [];
}
