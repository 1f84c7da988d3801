using System.Text.RegularExpressions;

namespace CudaNet.Verification;

/// <summary>
/// The files below <c>kernels/</c>, which includes which, and which functions and types each uses: so that a change to a header is
/// tried with the kernels that call what was changed, and those that compile fastest first.
/// </summary>
internal sealed class KernelSources
{
    private const string Folder = "kernels";
    private const double BesideIt = 4; // how much better a .cu file is that lies beside the header: its cases are made for it

    private readonly string _root;
    private readonly Dictionary<string, SourceFile> _files;

    /// <param name="root">The clone's root.</param>
    public KernelSources(string root)
    {
        _root = root;
        _files = Directory
            .EnumerateFiles(Path.Combine(root, Folder), "*.cu*", SearchOption.AllDirectories)
            .Select(path => SourceFile.Read(root, path))
            .ToDictionary(file => file.Path);
    }

    /// <summary>The paths below the root, in order.</summary>
    public IEnumerable<string> Paths => _files.Keys.Order(StringComparer.Ordinal);

    /// <summary>The ops whose kernels a .cu file holds.</summary>
    public IReadOnlyList<string> Ops(string unit) =>
        [
            .. Regex
                .Matches(_files[unit].Text, @"^CN_(?:KERNEL|VENDOR)\(\s*(\w+)", RegexOptions.Multiline)
                .Select(m => m.Groups[1].Value),
        ];

    /// <summary>Whether a .cu file holds routes to a vendor's library instead of kernels of its own.</summary>
    public bool IsVendor(string unit) => Regex.IsMatch(_files[unit].Text, @"^CN_VENDOR\(", RegexOptions.Multiline);

    /// <summary>A file and what it includes from kernels/, directly or not.</summary>
    public IReadOnlyCollection<string> Closure(string file)
    {
        var closure = new HashSet<string> { file };
        var left = new Stack<string>([file]);
        while (left.TryPop(out var next))
            foreach (var included in _files[next].Includes)
                if (_files.ContainsKey(included) && closure.Add(included))
                    left.Push(included);
        return closure;
    }

    public string Text(string file) => _files[file].Text;

    /// <summary>
    /// The .cu files to try changes to a file with: itself, or for a header the cheapest that use what is changed, each followed by those that
    /// use what the ones before it did not.
    /// </summary>
    public IReadOnlyList<string> Units(string file, IReadOnlyCollection<Mutant> mutants, int most)
    {
        if (file.EndsWith(".cu", StringComparison.Ordinal))
            return [file];
        var wanted = mutants.Select(m => _files[file].DefinitionAt(m.Start)).ToHashSet();
        var users = _files
            .Keys.Where(path => path.EndsWith(".cu", StringComparison.Ordinal) && Ops(path).Count > 0)
            .Select(path => (Path: path, Closure: Closure(path)))
            .Where(user => user.Closure.Contains(file))
            .Select(user => (user.Path, Uses: Used(user.Path, user.Closure)))
            .Select(user =>
                (user.Path, Uses: wanted.Where(name => name is null || user.Uses.Contains(name)).ToHashSet())
            )
            .Where(user => user.Uses.Count > 0)
            .ToList();
        var units = new List<string>();
        var missing = wanted.ToHashSet();
        while (units.Count < most && users.Count > 0)
        {
            if (!users.Exists(user => user.Uses.Overlaps(missing)))
                missing = wanted.ToHashSet();
            var best = users.MaxBy(user => user.Uses.Count(missing.Contains) * Worth(user.Path, file));
            units.Add(best.Path);
            users.Remove(best);
            missing.ExceptWith(best.Uses);
        }
        return units;
    }

    /// <summary>The smaller the machine code, the sooner it is compiled.</summary>
    private double Worth(string unit, string header)
    {
        const double Least = 200_000;
        var compiled = new FileInfo(
            Path.Combine(_root, "build", "simt", "CMakeFiles", "cudanet_simt.dir", unit + ".o")
        );
        var beside = Path.GetDirectoryName(unit) == Path.GetDirectoryName(header);
        return (beside ? BesideIt : 1) / (Least + (compiled.Exists ? compiled.Length : 0));
    }

    /// <summary>The names that a .cu file uses, its headers' functions and types followed.</summary>
    private HashSet<string> Used(string unit, IReadOnlyCollection<string> closure)
    {
        var bodies = closure
            .Where(path => path != unit)
            .SelectMany(path => _files[path].Definitions)
            .ToLookup(definition => definition.Name, definition => definition.Uses);
        var used = new HashSet<string>(_files[unit].Names);
        var left = new Queue<string>(used);
        while (left.TryDequeue(out var name))
            foreach (var other in bodies[name].SelectMany(uses => uses))
                if (used.Add(other))
                    left.Enqueue(other);
        return used;
    }

    private sealed record SourceFile(
        string Path,
        string Text,
        IReadOnlyList<string> Includes,
        IReadOnlySet<string> Names,
        IReadOnlyList<Definition> Definitions
    )
    {
        public static SourceFile Read(string root, string path)
        {
            var text = File.ReadAllText(path);
            var code = MutantFinder.Blank(text);
            var folder = System.IO.Path.GetDirectoryName(path)!;
            var kernels = System.IO.Path.Combine(root, Folder);
            var includes = Regex
                .Matches(text, @"^#include ""([^""]+)""", RegexOptions.Multiline)
                .SelectMany(m => new[] { folder, kernels }.Select(f => System.IO.Path.Combine(f, m.Groups[1].Value)))
                .Where(File.Exists)
                .Select(Relative)
                .Distinct();
            return new(Relative(path), text, [.. includes], NamesIn(code), [.. DefinitionsIn(code)]);

            string Relative(string at) =>
                System.IO.Path.GetRelativePath(root, System.IO.Path.GetFullPath(at)).Replace('\\', '/');
        }

        public string? DefinitionAt(int at) => Definitions.FirstOrDefault(d => at >= d.Start && at < d.End)?.Name;
    }

    /// <summary>A function or a type that stands in a namespace.</summary>
    private sealed record Definition(string Name, int Start, int End, IReadOnlySet<string> Uses);

    private static IEnumerable<Definition> DefinitionsIn(string code)
    {
        var head = 0;
        for (var at = 0; at < code.Length; at++)
            switch (code[at])
            {
                case ';' or '}':
                    head = at + 1;
                    break;
                case '(':
                    at = Math.Max(at, MutantFinder.Closing(code, at, '(', ')'));
                    break;
                case '{' when Regex.IsMatch(code[head..at], @"\bnamespace\b"):
                    head = at + 1;
                    break;
                case '{':
                    var close = MutantFinder.Closing(code, at, '{', '}');
                    if (close < 0)
                        yield break;
                    if (NameOf(code[head..at]) is { } name)
                        yield return new(name, head, close, NamesIn(code[head..close]));
                    at = close;
                    head = close + 1;
                    break;
            }
    }

    private static string? NameOf(string head)
    {
        var type = Regex.Match(head, @"\b(?:struct|class|union)\s+(\w+)\s*(?:<[^<>]*>)?\s*(?:final\s*)?(?::[^{]*)?$");
        if (type.Success)
            return type.Groups[1].Value;
        return Regex
            .Matches(head, @"(\w+)\s*\(")
            .Select(m => m.Groups[1].Value)
            .FirstOrDefault(name => name is not ("__launch_bounds__" or "__attribute__" or "alignas" or "decltype"));
    }

    private static HashSet<string> NamesIn(string code) =>
        [.. Regex.Matches(code, @"\b[A-Za-z_]\w*").Select(m => m.Value)];
}
