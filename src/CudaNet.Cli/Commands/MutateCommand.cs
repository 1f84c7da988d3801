using System.CommandLine;
using System.IO.Enumeration;
using CudaNet.Verification;

namespace CudaNet.Cli.Commands;

/// <summary><c>cudanet mutate FILES</c>: whether the cases find mistakes in kernels.</summary>
internal static class MutateCommand
{
    public static CliCommand Create(CliConsole console)
    {
        var files = new Argument<string[]>("FILES")
        {
            Description = "Files below kernels/; * and ? stand for any letters.",
            Arity = ArgumentArity.ZeroOrMore,
        };
        var sample = CliOptions.Number("--sample", "N", "Try so many mutants of each file; 0: all.", 0, 0);
        var seconds = CliOptions.Number(
            "--seconds",
            "N",
            "Begin nothing new after so long; what is known is kept, and the next time goes on from there. 0: no end.",
            0,
            0
        );
        var workers = CliOptions.Number("--workers", "N", "Mutants that are tried at one time.", 2, 1);
        var planted = new Option<bool>("--planted")
        {
            Description = $"The mistakes of {PlantedBugs.List} instead of all that can be made.",
        };
        var serve = new Option<string?>("--serve") { Hidden = true };
        var kernels = new Option<KernelSource>("--kernels") { Hidden = true };
        var command = new CliCommand(
            "mutate",
            "Make mistakes in kernels, one at a time, and see whether the cases find them on simt."
        )
        {
            Examples = ["cudanet mutate 'kernels/norm/*'", "cudanet mutate kernels/softmax/softmax.cu --sample 20"],
        };
        command.Add(files);
        foreach (var option in new Option[] { sample, seconds, workers, planted, serve, kernels })
            command.Add(option);
        command.SetAction(
            (parsed, cancel) =>
            {
                if (parsed.GetValue(serve) is { } ops)
                {
                    MutantServer.Serve(ops, parsed.GetValue(kernels), Console.In, console.Out);
                    return Task.FromResult(ExitCode.Ok);
                }
                var root = Directory.GetCurrentDirectory();
                var options = new MutationOptions
                {
                    Root = root,
                    Program = typeof(MutateCommand).Assembly.Location,
                    File = "",
                    Sample = parsed.GetValue(sample),
                    Workers = parsed.GetValue(workers),
                    Results = MutationRunner.ResultsFolder(root),
                };
                return Task.FromResult(
                    Run(
                        console,
                        options,
                        parsed.GetValue(files)!,
                        parsed.GetValue(planted),
                        parsed.GetValue(seconds),
                        cancel
                    )
                );
            }
        );
        return command;
    }

    private static int Run(
        CliConsole console,
        MutationOptions options,
        string[] patterns,
        bool planted,
        int seconds,
        CancellationToken cancel
    )
    {
        var bugs = planted ? PlantedBugs.Read(options.Root).ToLookup(bug => bug.Mutant.File, bug => bug.Mutant) : null;
        var files = (bugs?.Select(of => of.Key) ?? MutationRunner.Files(options.Root))
            .Where(file => patterns.Length == 0 || patterns.Any(p => FileSystemName.MatchesSimpleExpression(p, file)))
            .ToList();
        if (files.Count == 0)
            throw new UsageException($"mutate: no kernel file matches {string.Join(", ", patterns)}");
        var watch = System.Diagnostics.Stopwatch.StartNew();
        var enough = true;
        foreach (var file in files)
        {
            var left = seconds - (int)watch.Elapsed.TotalSeconds;
            if (cancel.IsCancellationRequested || (seconds > 0 && left <= 0))
                break;
            var summary = MutationRunner.Run(
                options with
                {
                    File = file,
                    Mutants = bugs?[file].ToList(),
                    Results = planted ? Path.Combine(options.Results!, "planted") : options.Results,
                    Seconds = seconds > 0 ? left : 0,
                },
                cancel
            );
            console.Out.WriteLine(summary.ToString());
            console.Out.Flush();
            enough &= summary.Score >= MutationSummary.Wanted && summary.Stale.Count == 0;
        }
        return enough ? ExitCode.Ok : ExitCode.FoundWrong;
    }
}
