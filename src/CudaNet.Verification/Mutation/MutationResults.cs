using System.Security.Cryptography;
using System.Text;

namespace CudaNet.Verification;

/// <summary>
/// What is known about the mutants of one file: a text file, named by a hash of all that it depends on (the sources that are compiled, and the
/// ops' definitions and cases), with a line for each mutant that was tried.
/// </summary>
internal sealed class MutationResults
{
    private const int Version = 1; // of the way mutants are made and tried

    private readonly string? _path;
    private readonly Dictionary<string, MutantOutcome> _outcomes = [];

    /// <param name="options">What is to be tried.</param>
    /// <param name="sources">The kernel files.</param>
    /// <param name="units">The .cu files that mutants are first tried with.</param>
    public MutationResults(MutationOptions options, KernelSources sources, IEnumerable<string> units)
    {
        if (options.Results is not { } folder)
            return;
        var name = options.File.Replace('/', '-');
        _path = Path.Combine(folder, $"{name}.{Key(options, sources, units)}.txt");
        Directory.CreateDirectory(folder);
        foreach (var old in Directory.EnumerateFiles(folder, $"{name}.*.txt").Where(path => path != _path))
            File.Delete(old);
        if (File.Exists(_path))
            foreach (var line in File.ReadLines(_path))
                if (line.Split('\t', 2) is [var outcome, var mutant])
                    _outcomes[mutant] = Enum.Parse<MutantOutcome>(outcome);
    }

    public MutantOutcome this[string mutant]
    {
        get
        {
            lock (_outcomes)
                return _outcomes.GetValueOrDefault(mutant);
        }
        set
        {
            lock (_outcomes)
                _outcomes[mutant] = value;
        }
    }

    /// <summary>Writes what is known, under a line that says it in short.</summary>
    public void Save(string summary)
    {
        if (_path is null)
            return;
        lock (_outcomes)
            File.WriteAllLines(
                _path,
                _outcomes
                    .OrderBy(o => o.Key, StringComparer.Ordinal)
                    .Select(o => $"{o.Value}\t{o.Key}")
                    .Prepend(summary)
            );
    }

    private static string Key(MutationOptions options, KernelSources sources, IEnumerable<string> units)
    {
        var depends = new StringBuilder().Append(Version);
        var firstUnits = units.Take(2).ToList();
        foreach (
            var file in firstUnits
                .Append(options.File)
                .SelectMany(sources.Closure)
                .Distinct()
                .Order(StringComparer.Ordinal)
        )
            depends.Append(file).Append(sources.Text(file));
        var families = firstUnits.SelectMany(sources.Ops).Select(op => Registry.Find(op).Family).Distinct();
        foreach (var path in families.SelectMany(family => FilesOf(options.Root, family)).Order(StringComparer.Ordinal))
            depends.Append(File.ReadAllText(path));
        const int Digits = 16;
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(depends.ToString())))[..Digits];
    }

    private static IEnumerable<string> FilesOf(string root, string family) =>
        Directory
            .EnumerateDirectories(Path.Combine(root, "src", "CudaNet", "Ops"))
            .Where(folder => string.Equals(Path.GetFileName(folder), family, StringComparison.OrdinalIgnoreCase))
            .SelectMany(folder => Directory.EnumerateFiles(folder, "*.cs"));
}
