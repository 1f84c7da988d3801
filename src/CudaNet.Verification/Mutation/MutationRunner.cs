using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace CudaNet.Verification;

/// <summary>What <see cref="MutationRunner"/> does.</summary>
public sealed record MutationOptions
{
    /// <summary>The clone's root; build/simt must be built there, and build/simt-race where a missing barrier is to be found by it.</summary>
    public required string Root { get; init; }

    /// <summary>The program that checks: CudaNet.Cli.dll.</summary>
    public required string Program { get; init; }

    /// <summary>The kernel files, as paths below the root.</summary>
    public required IReadOnlyList<string> Files { get; init; }

    /// <summary>Mutants that are tried at one time.</summary>
    public int Workers { get; init; } = 2;

    /// <summary>How long the cases of a file's ops may take; longer counts as found.</summary>
    public int TimeoutSeconds { get; init; } = 60;

    /// <summary>Tries only every so-manieth mutant.</summary>
    public int Every { get; init; } = 1;
}

/// <summary>How the mutants of some files fared.</summary>
/// <param name="Killed">Those that the check found.</param>
/// <param name="Uncompiled">Those that are no program; they do not count.</param>
/// <param name="Explained">Those that it did not find and whose reason is listed: they compute the same.</param>
/// <param name="Survivors">Those that it did not find, without a reason.</param>
public sealed record MutationSummary(
    int Killed,
    int Uncompiled,
    IReadOnlyList<Mutant> Explained,
    IReadOnlyList<Mutant> Survivors
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
            $"{Killed + Explained.Count + Survivors.Count} mutants: {Killed} killed, {Explained.Count} explained, {Survivors.Count} survived; score {Score:P1}; {Uncompiled} did not compile"
        );
        foreach (var mutant in Survivors)
            text.Append("\n  ").Append(mutant);
        return text.ToString();
    }
}

/// <summary>
/// Tests the tests: makes one mistake after the other in the device code of kernel files and sees whether <c>cudanet check</c> finds
/// it on simt. A barrier's absence may need shuffled threads or the build that checks for races.
/// </summary>
public static class MutationRunner
{
    /// <summary>The list of survivors that are explained, below the root.</summary>
    public const string SurvivorList = "tests/mutation/survivors.txt";

    /// <summary>The mutants of a file.</summary>
    public static IReadOnlyList<Mutant> Find(string root, string file) =>
        MutantFinder.Find(file, File.ReadAllText(Path.Combine(root, file)));

    /// <summary>Tries the mutants of all files.</summary>
    /// <exception cref="DeviceException">build/simt is missing, or its cases fail without any mutant.</exception>
    public static MutationSummary Run(
        MutationOptions options,
        Action<Mutant, bool>? report = null,
        CancellationToken cancel = default
    )
    {
        ArgumentNullException.ThrowIfNull(options);
        var explained = ReadSurvivors(options.Root);
        var work = new ConcurrentQueue<Mutant>(
            options.Files.SelectMany(file => Find(options.Root, file)).Where((_, i) => i % options.Every == 0)
        );
        foreach (var units in options.Files.Select(file => Units(options.Root, file)).DistinctBy(u => u[0]))
            RequireSoundness(options, units);
        var (killed, uncompiled) = (0, 0);
        var survivors = new ConcurrentBag<Mutant>();
        var threads = Enumerable
            .Range(0, options.Workers)
            .Select(_ =>
                Task.Factory.StartNew(
                    () =>
                    {
                        using var plain = new KernelBuild(options.Root, "simt");
                        using var race = HasRaceBuild(options.Root) ? new KernelBuild(options.Root, "simt-race") : null;
                        while (!cancel.IsCancellationRequested && work.TryDequeue(out var mutant))
                        {
                            var outcome = Try(options, mutant, plain, race);
                            if (outcome is null)
                                Interlocked.Increment(ref uncompiled);
                            else if (outcome.Value)
                                Interlocked.Increment(ref killed);
                            else
                                survivors.Add(mutant);
                            if (outcome is { } found)
                                report?.Invoke(mutant, found);
                        }
                    },
                    cancel,
                    TaskCreationOptions.LongRunning,
                    TaskScheduler.Default
                )
            )
            .ToArray();
        Task.WaitAll(threads, cancel);
        var ordered = survivors.OrderBy(m => m.File, StringComparer.Ordinal).ThenBy(m => m.Start).ToList();
        return new(
            killed,
            uncompiled,
            [.. ordered.Where(m => explained.Contains((m.File, m.Kind, m.Source)))],
            [.. ordered.Where(m => !explained.Contains((m.File, m.Kind, m.Source)))]
        );
    }

    /// <summary>Whether the check found the mutant; null when it does not compile.</summary>
    private static bool? Try(MutationOptions options, Mutant mutant, KernelBuild plain, KernelBuild? race)
    {
        var units = Units(options.Root, mutant.File);
        if (!plain.Compile(mutant, units))
            return null;
        if (IsFound(options, units, plain.Library) || IsFound(options, units, plain.Library, "--schedule-seed", "1"))
            return true;
        return mutant.Kind == MutationKind.Barrier
            && race is not null
            && race.Compile(mutant, units)
            && IsFound(options, units, race.Library);
    }

    private static bool HasRaceBuild(string root) => File.Exists(LibraryOf(root, "simt-race"));

    private static string LibraryOf(string root, string flavour) =>
        Path.Combine(root, "build", flavour, "libcudanet_simt.so");

    private static void RequireSoundness(MutationOptions options, IReadOnlyList<string> units)
    {
        var result = Check(options, units, LibraryOf(options.Root, "simt"), []);
        if (result.ExitCode != 0)
            throw new DeviceException(
                $"the cases of {string.Join(", ", units)} fail without any mutant:\n{result.Output}"
            );
    }

    private static bool IsFound(
        MutationOptions options,
        IReadOnlyList<string> units,
        string library,
        params string[] more
    ) => Check(options, units, library, more).ExitCode != 0;

    private static (int ExitCode, string Output) Check(
        MutationOptions options,
        IReadOnlyList<string> units,
        string library,
        string[] more
    )
    {
        var kernels = units.SelectMany(unit => KernelsIn(Path.Combine(options.Root, unit)));
        string[] arguments =
        [
            options.Program,
            "check",
            "--device",
            "simt",
            "--op",
            string.Join(',', kernels),
            "--all-variants",
            "--no-gradients",
            "--fail-fast",
            .. more,
        ];
        return ChildProcess.Run(
            "dotnet",
            arguments,
            options.Root,
            options.TimeoutSeconds,
            [("CUDANET_SIMT_LIBRARY", library), ("CUDANET_SIMT_WORKERS", "1")]
        );
    }

    /// <summary>The .cu files that a change to a file concerns; of those that include a header, the ones with most of its names.</summary>
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
        return
        [
            .. including
                .Where(f => f.Path.EndsWith(".cu", StringComparison.Ordinal) && Includes(f.Text, headers))
                .OrderByDescending(f => KernelsIn(f.Path).Count())
                .ThenBy(f => f.Path, StringComparer.Ordinal)
                .Take(MostUnits)
                .Select(f => Path.GetRelativePath(root, f.Path).Replace('\\', '/')),
        ];
    }

    private static bool Includes(string text, HashSet<string> headers) =>
        Regex.Matches(text, @"#include ""([^""]+)""").Any(m => headers.Contains(Path.GetFileName(m.Groups[1].Value)));

    private static IEnumerable<string> KernelsIn(string path) =>
        Regex
            .Matches(File.ReadAllText(path), @"^CN_KERNEL\(\s*(\w+)", RegexOptions.Multiline)
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
