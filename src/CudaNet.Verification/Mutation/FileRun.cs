using System.Collections.Concurrent;
using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;

namespace CudaNet.Verification;

/// <summary>The mutants of one file, of which fewer and fewer are left.</summary>
internal sealed class FileRun : IDisposable
{
    // A change in a header goes on to the next .cu file while it is left; after so many, only what none of them has come to.
    private const int UnitsForLeft = 3;
    private const int MostUnits = 6;

    // What simt tries: in order, and then shuffled, with two blocks where a kernel loops over the rest.
    private static readonly (int Schedule, int Grid)[] s_inOrder = [(0, 0)];
    private static readonly (int Schedule, int Grid)[] s_all = [(0, 0), (1, 2)];

    // The builds that are asked about what is left then.
    private static readonly (string Flavour, (int Schedule, int Grid)[] Settings)[] s_checks =
    [
        ("simt-asan", s_inOrder),
        ("simt-race", s_all),
    ];

    private readonly MutationOptions _options;
    private readonly CancellationToken _cancel;
    private readonly Stopwatch _watch = Stopwatch.StartNew();
    private readonly KernelSources _sources;
    private readonly IReadOnlyList<Mutant> _all;
    private readonly string[] _keys;
    private readonly IReadOnlySet<(string File, MutationKind Kind, string Source)> _explained;
    private readonly IReadOnlyList<string> _units;
    private readonly MutationResults _results;
    private readonly Dictionary<string, KernelBuild> _builds = [];
    private readonly Dictionary<int, string> _reachedBy = [];
    private readonly Dictionary<(string Unit, int Mutant), List<MutantProcess.Run>> _runs = [];

    public FileRun(MutationOptions options, CancellationToken cancel)
    {
        (_options, _cancel) = (options, cancel);
        _sources = new KernelSources(options.Root);
        _all = options.Mutants ?? MutationRunner.Find(options.Root, options.File);
        if (_all.Count > KernelBuild.MostMutants)
            throw new ArgumentException($"{options.File} has {_all.Count} mutants, over {KernelBuild.MostMutants}");
        _keys = Keys(_all);
        _explained = Survivors.Read(options.Root);
        _units = _sources.Units(options.File, _all, MostUnits);
        _results = new(options, _sources, _units);
    }

    public MutationSummary Run()
    {
        var sample = Sample();
        var areBuilt = s_checks.All(check => KernelBuild.IsBuilt(_options.Root, check.Flavour));
        // What an earlier run could not ask them; which cases come to it has to be measured again.
        foreach (var n in Numbers(sample, n => areBuilt && IsLeft(n)))
            Set(n, MutantOutcome.Untried);
        try
        {
            foreach (var (i, unit) in _units.Index())
            {
                var left = Numbers(sample, n => Outcome(n) == MutantOutcome.Untried);
                if (i >= UnitsForLeft)
                    left.RemoveAll(_reachedBy.ContainsKey);
                Try("simt", unit, left, s_all);
            }
            if (!IsOver)
                foreach (var n in Numbers(sample, n => Outcome(n) == MutantOutcome.Untried))
                    Set(n, MutantOutcome.Left);
            foreach (var (flavour, settings) in s_checks)
            {
                foreach (var unit in Numbers(sample, IsLeft).Where(_reachedBy.ContainsKey).GroupBy(n => _reachedBy[n]))
                    Try(flavour, unit.Key, [.. unit], settings);
            }
            if (!IsOver && areBuilt)
                foreach (var n in Numbers(sample, IsLeft))
                    Set(n, MutantOutcome.Survived);
        }
        finally
        {
            Save(sample);
        }
        return Summary(sample);
    }

    private bool IsOver =>
        _cancel.IsCancellationRequested || (_options.Seconds > 0 && _watch.Elapsed.TotalSeconds > _options.Seconds);

    private void Save(List<int> sample) => _results.Save(Summary(sample).Line);

    private MutantOutcome Outcome(int number) => _results[_keys[number - 1]];

    private void Set(int number, MutantOutcome outcome) => _results[_keys[number - 1]] = outcome;

    private bool IsLeft(int number) => Outcome(number) == MutantOutcome.Left && !IsExplained(_all[number - 1]);

    private bool IsExplained(Mutant mutant) => _explained.Contains((mutant.File, mutant.Kind, mutant.Source));

    private static List<int> Numbers(IEnumerable<int> among, Func<int, bool> chosen) => [.. among.Where(chosen)];

    /// <summary>What a mutant is called in the results: the lines that it stands in move, and some lines are alike.</summary>
    private static string[] Keys(IReadOnlyList<Mutant> mutants)
    {
        var seen = new Dictionary<string, int>();
        return
        [
            .. mutants.Select(m =>
            {
                var replacement = string.Join(
                    ' ',
                    m.Replacement.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)
                );
                var key = $"{m.Kind} | {m.Source} | {replacement}";
                var times = seen[key] = seen.GetValueOrDefault(key) + 1;
                return times == 1 ? key : $"{key} | {times}";
            }),
        ];
    }

    /// <summary>The numbers of the mutants to try: all, or those with the smallest hashes.</summary>
    private List<int> Sample()
    {
        var numbers = Enumerable.Range(1, _all.Count);
        if (_options.Sample > 0 && _options.Sample < _all.Count)
            numbers = numbers
                .OrderBy(
                    n => Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(_options.File + _keys[n - 1]))),
                    StringComparer.Ordinal
                )
                .Take(_options.Sample)
                .Order();
        return [.. numbers];
    }

    private KernelBuild Build(string flavour) =>
        _builds.TryGetValue(flavour, out var build)
            ? build
            : _builds[flavour] = new KernelBuild(_options.Root, flavour);

    private void Try(string flavour, string unit, List<int> numbers, (int Schedule, int Grid)[] settings)
    {
        if (numbers.Count == 0 || IsOver || (flavour != "simt" && !KernelBuild.IsBuilt(_options.Root, flavour)))
            return;
        var libraries = Build(flavour).Compile(numbers.ToDictionary(n => n, n => _all[n - 1]), unit);
        if (flavour == "simt")
            foreach (var n in numbers.Except(libraries.SelectMany(l => l.Mutants.Keys)))
                Set(n, MutantOutcome.Uncompiled);
        foreach (var library in libraries)
            Try(flavour, unit, library, settings);
        Save(numbers);
    }

    private void Try(string flavour, string unit, MutantLibrary library, (int Schedule, int Grid)[] settings)
    {
        var processes = Enumerable.Range(0, _options.Workers).Select(_ => Process(flavour, unit, library)).ToList();
        try
        {
            if (flavour == "simt")
                Measure(unit, processes[0], library.Mutants.Keys);
            var kills = new ConcurrentDictionary<int, int>();
            foreach (var (schedule, grid) in settings)
            {
                var left = library.Mutants.Keys.Where(n =>
                    Outcome(n) != MutantOutcome.Killed && _runs.ContainsKey((unit, n))
                );
                var queue = new ConcurrentQueue<int>(left.Order());
                Parallel.ForEach(
                    processes,
                    new ParallelOptions { MaxDegreeOfParallelism = _options.Workers },
                    process =>
                    {
                        while (!IsOver && queue.TryDequeue(out var number))
                            if (IsFound(process, number, _runs[(unit, number)], schedule, grid, flavour, kills))
                                Set(number, MutantOutcome.Killed);
                    }
                );
            }
        }
        finally
        {
            processes.ForEach(process => process.Dispose());
        }
    }

    private MutantProcess Process(string flavour, string unit, MutantLibrary library) =>
        new(
            _options.Program,
            _options.Root,
            flavour,
            library.Path,
            string.Join(',', _sources.Ops(unit)),
            _sources.IsVendor(unit)
        );

    /// <summary>Runs the cases without a mutant and notes which mutants each comes to.</summary>
    private void Measure(string unit, MutantProcess process, IEnumerable<int> numbers)
    {
        const int Longest = 300_000; // milliseconds
        var runs = process.Measure(Longest);
        foreach (var number in numbers)
            if (runs.Where(run => run.Reaches(number)).ToList() is { Count: > 0 } reaching)
            {
                _runs[(unit, number)] = reaching;
                _reachedBy.TryAdd(number, unit);
            }
    }

    /// <summary>Runs the cases that come to a mutant, those first that have found many in little time.</summary>
    private static bool IsFound(
        MutantProcess process,
        int number,
        List<MutantProcess.Run> runs,
        int schedule,
        int grid,
        string flavour,
        ConcurrentDictionary<int, int> kills
    )
    {
        const int AtLeast = 3000; // milliseconds
        const int Slower = 20; // by the mutant, shuffling, or a small grid
        var checks = flavour == "simt" ? 1 : 30; // simt-asan and simt-race
        var limit = AtLeast + (int)(Slower * checks * runs.Max(run => run.Milliseconds));
        var order = runs.OrderByDescending(run => (0.5 + kills.GetValueOrDefault(run.Number)) / (1 + run.Milliseconds));
        var (found, by) = process.Try(number, schedule, grid, limit, order.Select(run => run.Number));
        if (by is { } run)
            kills.AddOrUpdate(run, 1, (_, count) => count + 1);
        return found;
    }

    private MutationSummary Summary(List<int> sample)
    {
        List<Mutant> With(params MutantOutcome[] outcomes) =>
            [.. sample.Where(n => outcomes.Contains(Outcome(n))).Select(n => _all[n - 1])];
        var (killed, survivors) = (With(MutantOutcome.Killed), With(MutantOutcome.Left, MutantOutcome.Survived));
        var uncompiled = With(MutantOutcome.Uncompiled).Count;
        return new(
            _options.File,
            _all.Count,
            killed.Count,
            uncompiled,
            _all.Count - killed.Count - survivors.Count - uncompiled,
            [.. survivors.Where(IsExplained)],
            [.. survivors.Where(m => !IsExplained(m))],
            [.. killed.Where(m => IsExplained(m) && !survivors.Exists(s => (s.Kind, s.Source) == (m.Kind, m.Source)))],
            _watch.Elapsed.TotalSeconds
        );
    }

    public void Dispose()
    {
        foreach (var build in _builds.Values)
            build.Dispose();
    }
}
