using System.Diagnostics;
using System.Text.RegularExpressions;

namespace CudaNet.Cli.Profiling;

/// <summary>One of NVIDIA's profilers, and how it is to watch a program of ours: from the range <see cref="ProfileResult.Whole"/> on, by our NVTX ranges.</summary>
/// <param name="Program">The program's file name.</param>
/// <param name="Product">What NVIDIA calls it.</param>
/// <param name="Arguments">What it is given before the program that it watches.</param>
internal sealed partial record NsightCommand(string Program, string Product, IReadOnlyList<string> Arguments)
{
    /// <summary>The timeline. Our range names are no registered strings, which Nsight Systems would otherwise not let begin a capture.</summary>
    public static NsightCommand Systems(string report) =>
        new(
            "nsys",
            "Nsight Systems",
            [
                "profile",
                "--trace=cuda,nvtx,cublas,cudnn,osrt",
                "--cuda-graph-trace=node",
                "--capture-range=nvtx",
                $"--nvtx-capture={ProfileResult.Whole}",
                "--capture-range-end=stop",
                "--env-var=NSYS_NVTX_PROFILER_REGISTER_ONLY=0",
                "--stats=true",
                "--force-overwrite=true",
                $"--output={report}",
            ]
        );

    /// <summary>The counters of each kernel within a range, at any depth. The slash at its end says that it is one of those that are pushed and popped.</summary>
    public static NsightCommand Compute(string report, string range) =>
        new(
            "ncu",
            "Nsight Compute",
            [
                "--target-processes=all",
                "--nvtx",
                "--nvtx-include",
                range == ProfileResult.Whole ? $"{range}/" : $"{ProfileResult.Whole}/*/{range}/",
                "--set=full",
                "--import-source=yes",
                "--force-overwrite",
                $"--export={report}",
            ]
        );

    /// <summary>The whole line, for a shell.</summary>
    public string Line(IEnumerable<string> program) =>
        string.Join(' ', (string[])[Program, .. Arguments.Concat(program).Select(Quote)]);

    /// <summary>Runs the program under the profiler, which shares this terminal.</summary>
    /// <param name="program">The program and its arguments.</param>
    /// <param name="searchPath">Folders, as in PATH.</param>
    /// <returns>The profiler's exit status.</returns>
    /// <exception cref="UsageException">The profiler is not installed; the message is the line to run where it is.</exception>
    public int Run(IReadOnlyList<string> program, string? searchPath)
    {
        var file = (searchPath ?? "")
            .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .SelectMany(folder => new[] { Path.Combine(folder, Program), Path.Combine(folder, Program + ".exe") })
            .FirstOrDefault(File.Exists);
        if (file is null)
            throw new UsageException($"{Product} ({Program}) is not on the PATH; where it is, run: {Line(program)}");
        using var process = Process.Start(new ProcessStartInfo(file, [.. Arguments, .. program]))!;
        process.WaitForExit();
        return process.ExitCode;
    }

    /// <summary>How this program was started, without its arguments.</summary>
    public static IReadOnlyList<string> ThisProgram()
    {
        var first = Environment.GetCommandLineArgs()[0];
        var host = Environment.ProcessPath ?? first;
        return first.EndsWith(".dll", StringComparison.OrdinalIgnoreCase) ? [host, first] : [host];
    }

    private static string Quote(string word) =>
        Plain().IsMatch(word) ? word : $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'";

    [GeneratedRegex(@"^[\w@%+=:,./-]+$")]
    private static partial Regex Plain();
}
