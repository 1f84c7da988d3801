using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace CudaNet.Verification;

/// <summary>What <see cref="MutationRunner"/> does.</summary>
public sealed record MutationOptions
{
    /// <summary>The clone's root; build/simt must be built there, and build/simt-race and build/simt-asan for what only they find.</summary>
    public required string Root { get; init; }

    /// <summary>The program that checks: CudaNet.Cli.dll.</summary>
    public required string Program { get; init; }

    /// <summary>The kernel files, as paths below the root.</summary>
    public required IReadOnlyList<string> Files { get; init; }

    /// <summary>The mutants of those files; null means all that can be found in their device code.</summary>
    public IReadOnlyList<Mutant>? Mutants { get; init; }

    /// <summary>Mutants that are tried at one time.</summary>
    public int Workers { get; init; } = 2;

    /// <summary>How long the cases of a file's ops may take; longer counts as found. At least ten times what they take without a mutant.</summary>
    public int TimeoutSeconds { get; init; } = 60;

    /// <summary>Tries only every so-manieth mutant.</summary>
    public int Every { get; init; } = 1;
}

/// <summary>How the mutants of some files fared.</summary>
/// <param name="Killed">Those that the check found.</param>
/// <param name="Uncompiled">Those that are no program; they do not count.</param>
/// <param name="Explained">Those that it did not find and whose reason is listed: they compute the same.</param>
/// <param name="Survivors">Those that it did not find, without a reason.</param>
/// <param name="Stale">Those that the list explains although the check finds them.</param>
/// <param name="Seconds">The time that it took.</param>
public sealed record MutationSummary(
    int Killed,
    int Uncompiled,
    IReadOnlyList<Mutant> Explained,
    IReadOnlyList<Mutant> Survivors,
    IReadOnlyList<Mutant> Stale,
    double Seconds
)
{
    /// <summary>The part of the mutants that was found; those that compute the same cannot be.</summary>
    public double Score => Killed + Survivors.Count == 0 ? 1 : (double)Killed / (Killed + Survivors.Count);

    /// <inheritdoc/>
    public override string ToString()
    {
        var text = new StringBuilder();
        text.Append(
            CultureInfo.InvariantCulture,
            $"{Killed + Explained.Count + Survivors.Count} mutants: {Killed} killed, {Explained.Count} explained, {Survivors.Count} survived; score {Score:P1}; {Uncompiled} did not compile; {Seconds:F0} s"
        );
        foreach (var mutant in Survivors)
            text.Append("\n  ").Append(mutant);
        return text.ToString();
    }
}

/// <summary>
/// Tests the tests: makes one mistake after the other in the device code of kernel files and sees whether <c>cudanet check</c> finds
/// it on simt. A barrier's absence may need shuffled threads or the build that checks for races; an access outside, whose value
/// nobody uses, the one with AddressSanitizer.
/// </summary>
public static class MutationRunner
{
    /// <summary>The list of survivors that are explained, below the root.</summary>
    public const string SurvivorList = "tests/mutation/survivors.txt";

    /// <summary>The mutants of a file.</summary>
    public static IReadOnlyList<Mutant> Find(string root, string file) =>
        MutantFinder.Find(file, File.ReadAllText(Path.Combine(root, file)));

    /// <summary>Tries the mutants of all files.</summary>
    /// <exception cref="DeviceException">build/simt is missing, or the cases fail without any mutant.</exception>
    public static MutationSummary Run(
        MutationOptions options,
        Action<Mutant, bool>? report = null,
        CancellationToken cancel = default
    )
    {
        ArgumentNullException.ThrowIfNull(options);
        var watch = Stopwatch.StartNew();
        var explained = ReadSurvivors(options.Root);
        var runs = new List<FileRun>();
        foreach (var file in options.Files)
        {
            var run = new FileRun(options, file, report, cancel);
            runs.Add(run);
            run.Try("simt", [0, 1], _ => true);
            if (!run.Survivors.Any())
                continue;
            run.Try("simt-asan", [0], m => !IsExplained(m));
            run.Try("simt-race", [0, 1], m => !IsExplained(m));
        }
        var survivors = runs.SelectMany(run => run.Survivors).ToList();
        return new(
            runs.Sum(run => run.Killed),
            runs.Sum(run => run.Uncompiled),
            [.. survivors.Where(IsExplained)],
            [.. survivors.Where(m => !IsExplained(m))],
            [.. runs.SelectMany(run => run.All).Where(m => IsExplained(m) && !survivors.Exists(s => IsAlike(s, m)))],
            watch.Elapsed.TotalSeconds
        );

        bool IsExplained(Mutant mutant) => explained.Contains((mutant.File, mutant.Kind, mutant.Source));
        static bool IsAlike(Mutant a, Mutant b) => (a.File, a.Kind, a.Source) == (b.File, b.Kind, b.Source);
    }

    /// <summary>The mutants of one file, of which fewer and fewer are left.</summary>
    private sealed class FileRun
    {
        private const int UsedWrong = 2; // the exit code for a command line that the CLI does not take
        private const int SlowestSeconds = 600;
        private const int SlowerByMutant = 10;
        private static readonly string[] VendorLibraries = ["cublas", "cublaslt", "cudnn"];

        private readonly MutationOptions _options;
        private readonly Action<Mutant, bool>? _report;
        private readonly CancellationToken _cancel;
        private readonly List<string> _units;
        private readonly bool _isVendor;
        private readonly ConcurrentDictionary<int, Mutant> _left;

        public FileRun(MutationOptions options, string file, Action<Mutant, bool>? report, CancellationToken cancel)
        {
            (_options, _report, _cancel) = (options, report, cancel);
            _units = Units(options.Root, file);
            _isVendor = IsVendorRoute(Path.Combine(options.Root, _units[0]));
            var found = options.Mutants?.Where(mutant => mutant.File == file) ?? Find(options.Root, file);
            All = [.. found.Where((_, i) => i % options.Every == 0)];
            _left = new(All.Select((mutant, i) => KeyValuePair.Create(i + 1, mutant)));
        }

        public IReadOnlyList<Mutant> All { get; }
        public int Uncompiled { get; private set; }
        public int Killed => All.Count - Uncompiled - _left.Count;
        public IEnumerable<Mutant> Survivors => _left.OrderBy(m => m.Key).Select(m => m.Value);

        /// <summary>Looks for the chosen ones among those left, with one flavour, if it is built, and some schedules.</summary>
        public void Try(string flavour, int[] schedules, Func<Mutant, bool> chosen)
        {
            if (flavour != "simt" && !KernelBuild.IsBuilt(_options.Root, flavour))
                return;
            using var build = new KernelBuild(_options.Root, flavour);
            var tried = _left.Where(m => chosen(m.Value)).ToDictionary();
            var libraries = build.Compile(tried, _units);
            if (flavour == "simt")
                foreach (var number in tried.Keys.Except(libraries.SelectMany(l => l.Mutants.Keys)))
                    if (_left.TryRemove(number, out _))
                        Uncompiled++;
            foreach (var library in libraries)
            foreach (var schedule in schedules)
                Try(flavour, schedule, library);
        }

        private void Try(string flavour, int schedule, MutantLibrary library)
        {
            var watch = Stopwatch.StartNew();
            var sound = Check(flavour, schedule, library.Path, 0, SlowestSeconds);
            if (sound.ExitCode != 0)
                throw new DeviceException(
                    $"the cases of {string.Join(", ", _units)} fail on {flavour} without any mutant, with schedule {schedule}:\n{sound.Output}"
                );
            var limit = Math.Max(_options.TimeoutSeconds, (int)(SlowerByMutant * watch.Elapsed.TotalSeconds));
            Parallel.ForEach(
                library.Mutants.Keys.Where(_left.ContainsKey).Order(),
                new ParallelOptions { MaxDegreeOfParallelism = _options.Workers, CancellationToken = _cancel },
                number =>
                {
                    var found = Check(flavour, schedule, library.Path, number, limit).ExitCode != 0;
                    if (found)
                        _left.TryRemove(number, out _);
                    _report?.Invoke(library.Mutants[number], found);
                }
            );
        }

        private (int ExitCode, string Output) Check(
            string flavour,
            int schedule,
            string library,
            int mutant,
            int seconds
        )
        {
            string[] arguments =
            [
                _options.Program,
                "check",
                "--device",
                "simt",
                "--op",
                string.Join(',', _units.SelectMany(unit => KernelsIn(Path.Combine(_options.Root, unit)))),
                "--no-gradients",
                "--fail-fast",
                .. _isVendor ? ["--kernels", nameof(KernelSource.Vendor)] : new[] { "--all-variants" },
            ];
            List<(string, string)> environment =
            [
                (KernelBuild.Chosen, mutant.ToString(CultureInfo.InvariantCulture)),
                ("CUDANET_SIMT_LIBRARY", library),
                ("CUDANET_SIMT_WORKERS", "1"),
                ("CUDANET_SIMT_SEED", schedule.ToString(CultureInfo.InvariantCulture)),
            ];
            // The stand-ins are looked for beside the library, which is elsewhere.
            foreach (var name in _isVendor ? VendorLibraries : [])
                environment.Add(
                    (
                        $"CUDANET_{name.ToUpperInvariant()}_LIBRARY",
                        Path.Combine(_options.Root, "build", flavour, $"lib{name}_stand_in.so")
                    )
                );
            if (flavour == "simt-asan")
                environment.AddRange(Sanitizer.Value);
            var result = ChildProcess.Run("dotnet", arguments, _options.Root, seconds, environment);
            return result.ExitCode == UsedWrong ? throw new DeviceException(result.Output) : result;
        }

        /// <summary>What a process needs that was not built with AddressSanitizer.</summary>
        private static readonly Lazy<(string, string)[]> Sanitizer = new(() =>
        {
            var (_, runtime) = ChildProcess.Run("g++", ["-print-file-name=libasan.so"], ".", SlowestSeconds, []);
            return
            [
                ("LD_PRELOAD", runtime.Trim()),
                ("ASAN_OPTIONS", "handle_segv=0:detect_leaks=0:use_sigaltstack=0:exitcode=99"),
            ];
        });
    }

    /// <summary>
    /// The .cu files that a change to a file concerns: of those that include a header, the ones beside it, whose cases are made for it, or else
    /// those with most kernels.
    /// </summary>
    private static List<string> Units(string root, string file)
    {
        const int MostUnits = 3;
        if (file.EndsWith(".cu", StringComparison.Ordinal))
            return [file];
        var kernels = Path.Combine(root, "kernels");
        var headers = new HashSet<string> { Path.GetFileName(file) };
        var including = Directory
            .EnumerateFiles(kernels, "*.cu*", SearchOption.AllDirectories)
            .Select(path => (Path: path, Text: File.ReadAllText(path)))
            .ToList();
        for (var found = 0; found != headers.Count; )
        {
            found = headers.Count;
            foreach (var (path, text) in including)
                if (path.EndsWith(".cuh", StringComparison.Ordinal) && Includes(text, headers))
                    headers.Add(Path.GetFileName(path));
        }
        var folder = Path.GetDirectoryName(Path.Combine(root, file));
        var users = including
            .Where(f => f.Path.EndsWith(".cu", StringComparison.Ordinal) && Includes(f.Text, headers))
            .ToList();
        if (users.Exists(f => Path.GetDirectoryName(f.Path) == folder))
            users.RemoveAll(f => Path.GetDirectoryName(f.Path) != folder);
        if (users.Exists(f => !IsVendorRoute(f.Path)))
            users.RemoveAll(f => IsVendorRoute(f.Path));
        return
        [
            .. users
                .OrderByDescending(f => KernelsIn(f.Path).Count())
                .ThenBy(f => f.Path, StringComparer.Ordinal)
                .Take(MostUnits)
                .Select(f => Path.GetRelativePath(root, f.Path).Replace('\\', '/')),
        ];
    }

    /// <summary>Whether a file holds routes to NVIDIA's libraries, which only run when they are asked for.</summary>
    private static bool IsVendorRoute(string path) =>
        File.ReadAllText(path).Contains("native/runtime/cu", StringComparison.Ordinal);

    private static bool Includes(string text, HashSet<string> headers) =>
        Regex.Matches(text, @"#include ""([^""]+)""").Any(m => headers.Contains(Path.GetFileName(m.Groups[1].Value)));

    private static IEnumerable<string> KernelsIn(string path) =>
        Regex
            .Matches(File.ReadAllText(path), @"^CN_(?:KERNEL|VENDOR)\(\s*(\w+)", RegexOptions.Multiline)
            .Select(m => m.Groups[1].Value);

    /// <summary>Reads the list: a line `file | kind | source` for each mutant, under a line `# reason` that holds until the next.</summary>
    /// <exception cref="FormatException">A line has no reason above it or is none of these.</exception>
    public static IReadOnlySet<(string File, MutationKind Kind, string Source)> ReadSurvivors(string root)
    {
        var explained = new HashSet<(string, MutationKind, string)>();
        var path = Path.Combine(root, SurvivorList);
        string? reason = null;
        foreach (var line in File.Exists(path) ? File.ReadAllLines(path) : [])
        {
            if (string.IsNullOrWhiteSpace(line))
                continue;
            if (line.StartsWith('#'))
            {
                reason = line[1..].Trim();
                continue;
            }
            var parts = line.Split(" | ", 3);
            if (
                parts.Length != 3
                || string.IsNullOrEmpty(reason)
                || !Enum.TryParse<MutationKind>(parts[1], out var kind)
            )
                throw new FormatException(
                    $"{SurvivorList}: expected 'file | kind | source' under a '# reason', got: {line}"
                );
            explained.Add((parts[0], kind, parts[2]));
        }
        return explained;
    }
}
