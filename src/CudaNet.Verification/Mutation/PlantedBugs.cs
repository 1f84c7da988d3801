namespace CudaNet.Verification;

/// <summary>
/// Mistakes as people make them (a wrong transposition, a swapped stride, a counter off by one), each of which is to be found by the cases of the
/// ops that its file serves. The list is text, so that adding one takes a line.
/// </summary>
public static class PlantedBugs
{
    /// <summary>The list, below the root: lines <c>what | file | source with the expression in ⟦ ⟧ | replacement</c>.</summary>
    public const string List = "tests/mutation/planted.txt";

    /// <summary>The mistakes by name.</summary>
    /// <exception cref="FormatException">A line is none of these, or its source is not in the file, or there more than once.</exception>
    public static IReadOnlyList<(string Name, Mutant Mutant)> Read(string root)
    {
        var planted = new List<(string, Mutant)>();
        foreach (var line in File.ReadLines(Path.Combine(root, List)))
        {
            if (line.Length == 0 || line[0] == '#')
                continue;
            if (line.Split(" | ") is not [var name, var file, var source, var replacement])
                throw new FormatException($"{List}: expected 'what | file | source | replacement', got: {line}");
            planted.Add((name, Find(root, file, source, replacement)));
        }
        return planted;
    }

    private static Mutant Find(string root, string file, string source, string replacement)
    {
        var text = File.ReadAllText(Path.Combine(root, file));
        var (open, close) = (source.IndexOf('⟦'), source.IndexOf('⟧'));
        if (open < 0 || close < open)
            throw new FormatException($"{List}: nothing is marked in: {source}");
        var original = source.Remove(close, 1).Remove(open, 1);
        var at = text.IndexOf(original, StringComparison.Ordinal);
        if (at < 0 || text.IndexOf(original, at + 1, StringComparison.Ordinal) >= 0)
            throw new FormatException($"{List}: {file} has this {(at < 0 ? "nowhere" : "more than once")}: {original}");
        var line = text.AsSpan(0, at).Count('\n') + 1;
        return new(file, line, MutationKind.Planted, at + open, close - open - 1, replacement, source);
    }
}
