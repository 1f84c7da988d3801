using System.CommandLine;
using CudaNet.Verification;

namespace CudaNet.Cli.Commands;

/// <summary><c>cudanet bench</c>: how fast ops run on a device.</summary>
internal static class BenchCommand
{
    public static CliCommand Create(CliConsole console)
    {
        var device = CliOptions.Device();
        var op = new Option<string?>("--op")
        {
            Description = "Only ops of this name; * and ? stand for any letters.",
            HelpName = "PATTERN",
        };
        var only = new Option<string?>("--case") { Description = "Only the case of this name.", HelpName = "NAME" };
        var rounds = CliOptions.Number("--rounds", "N", "Rounds over all cases; the median counts.", 7, minimum: 1);
        var seconds = CliOptions.Number("--seconds", "X", "Seconds per case.", 0.25, minimum: 0.001);
        var list = new Option<bool>("--list") { Description = "Print the names of the cases instead of running them." };
        var json = CliOptions.Json();
        var command = new CliCommand("bench", "Measure ops: time, bytes and floating operations per second.")
        {
            Examples = ["cudanet bench", "cudanet bench --op 'matmul*' --device cuda:0 --json"],
        };
        foreach (var option in new Option[] { device, op, only, rounds, seconds, list, json })
            command.Add(option);
        command.SetAction(parsed =>
        {
            var options = new BenchOptions
            {
                Device = CliOptions.Open(parsed.GetValue(device)!),
                Op = parsed.GetValue(op),
                Case = parsed.GetValue(only),
                Rounds = parsed.GetValue(rounds),
                SecondsPerCase = parsed.GetValue(seconds),
            };
            return parsed.GetValue(list) ? List(console, options) : Run(console, options, parsed.GetValue(json));
        });
        return command;
    }

    private static int List(CliConsole console, BenchOptions options)
    {
        foreach (var @case in BenchRunner.Select(options))
            console.Out.WriteLine(@case.Name);
        return ExitCode.Ok;
    }

    private static int Run(CliConsole console, BenchOptions options, bool json)
    {
        var done = 0;
        // The rows come in rounds, all at the end; a person who waits sees that something happens.
        var rows = BenchRunner.Run(
            options,
            row =>
            {
                done++;
                if (console.IsTerminal && !json)
                    console.Error.Write($"\r{done} {row.Name}\u001b[K");
            }
        );
        if (console.IsTerminal && !json)
            console.Error.Write("\r\u001b[K");
        console.Out.WriteLine(json ? BenchRunner.ToJson(rows) : BenchRunner.ToText(rows));
        return ExitCode.Ok;
    }
}
