using System.CommandLine;
using System.IO.Enumeration;
using CudaNet.Verification;

namespace CudaNet.Cli.Commands;

/// <summary><c>cudanet bench</c>: how fast ops run on a device, alone or next to another library.</summary>
internal static class BenchCommand
{
    public static CliCommand Create(CliConsole console)
    {
        var device = CliOptions.Device();
        var op = new Option<string?>("--op")
        {
            Description = "Only ops of this name; * and ? stand for any letters. With --suite: rows.",
            HelpName = "PATTERN",
        };
        var only = new Option<string?>("--case") { Description = "Only the case of this name.", HelpName = "NAME" };
        var rounds = CliOptions.Number(
            "--rounds",
            "N",
            "Rounds over all cases; the median counts. With --suite 21 unless given.",
            7,
            minimum: 1
        );
        var seconds = CliOptions.Number(
            "--seconds",
            "X",
            "Seconds per case. With --suite 1 unless given.",
            0.25,
            minimum: 0.001
        );
        var list = new Option<bool>("--list") { Description = "Print the names of the cases instead of running them." };
        var suite = new Option<string?>("--suite")
        {
            Description =
                "Measure this list of rows, which can be compared with another library: ops (the cpu, with 1 and 2 threads) or kernels (a GPU).",
            HelpName = "NAME",
        };
        var peer = new Option<bool>("--peer") { Description = "With --suite: PyTorch next to us, in turn." };
        var python = new Option<string>("--peer-python")
        {
            Description = "The Python that has PyTorch.",
            HelpName = "PATH",
            DefaultValueFactory = _ => "/usr/bin/python3",
        };
        var path = new Option<string?>("--out")
        {
            Description = "With --suite: write the table to this file, as Markdown.",
            HelpName = "FILE",
        };
        var json = CliOptions.Json();
        var command = new CliCommand("bench", "Measure ops: time, bytes and floating operations per second.")
        {
            Examples =
            [
                "cudanet bench",
                "cudanet bench --op 'matmul*' --device cuda:0 --json",
                "cudanet bench --suite ops --peer --out bench/results/cpu-ops.md",
                "cudanet bench --suite kernels --device cuda:0 --peer",
            ],
        };
        foreach (
            var option in new Option[] { device, op, only, rounds, seconds, list, suite, peer, python, path, json }
        )
            command.Add(option);
        command.SetAction(parsed =>
        {
            var pattern = parsed.GetValue(op);
            if (parsed.GetValue(suite) is { } name)
            {
                var suiteOptions = new PeerBenchOptions { Device = CliOptions.Open(parsed.GetValue(device)!) };
                if (parsed.GetResult(rounds) is { Implicit: false })
                    suiteOptions = suiteOptions with { Rounds = parsed.GetValue(rounds) };
                if (parsed.GetResult(seconds) is { Implicit: false })
                    suiteOptions = suiteOptions with { SecondsPerRow = parsed.GetValue(seconds) };
                var run = new BenchSuite(console, name, Rows(name, pattern, suiteOptions.Device), suiteOptions)
                {
                    Python = parsed.GetValue(peer) ? parsed.GetValue(python) : null,
                    Path = parsed.GetValue(path),
                };
                return parsed.GetValue(list) ? run.List() : run.Run(parsed.GetValue(json));
            }
            if (parsed.GetValue(peer) || parsed.GetValue(path) is not null)
                throw new UsageException(
                    $"bench: --peer and --out go with --suite {string.Join(" or ", PeerSuite.Names)}"
                );
            var options = new BenchOptions
            {
                Device = CliOptions.Open(parsed.GetValue(device)!),
                Op = pattern,
                Case = parsed.GetValue(only),
                Rounds = parsed.GetValue(rounds),
                SecondsPerCase = parsed.GetValue(seconds),
            };
            return parsed.GetValue(list) ? List(console, options) : Run(console, options, parsed.GetValue(json));
        });
        return command;
    }

    private static IReadOnlyList<PeerRow> Rows(string suite, string? pattern, Device device)
    {
        if (!PeerSuite.Names.Contains(suite))
            throw new UsageException(
                $"--suite {suite}: there is no such suite; expected {string.Join(" or ", PeerSuite.Names)}"
            );
        if ((suite == "ops") != (device == Device.Cpu))
            throw new UsageException(
                $"--suite {suite} is not for --device {device}: ops is for cpu, kernels for the others"
            );
        // What fills a GPU would keep a processor busy for hours.
        const int SimtDivisor = 64;
        var all = suite == "ops" ? PeerSuite.Ops : PeerSuite.Kernels(device.Name == "simt" ? SimtDivisor : 1);
        var rows = all.Where(row => pattern is null || FileSystemName.MatchesSimpleExpression(pattern, row.Name))
            .ToList();
        return rows.Count > 0
            ? rows
            : throw new UsageException($"--op {pattern}: no row of the suite {suite} has such a name; see --list");
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
