using System.Text.RegularExpressions;

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
        // Line breaks and indentation do not matter.
        string Pattern(Range range) => Regex.Replace(Regex.Escape(source[range]), @"(\\ )+", @"\s+");
        var places = Regex.Matches(
            text,
            $"{Pattern(..open)}(?<changed>{Pattern((open + 1)..close)}){Pattern((close + 1)..)}"
        );
        if (places.Count != 1)
            throw new FormatException($"{List}: {file} has this {places.Count} times: {source}");
        var changed = places[0].Groups["changed"];
        var line = text.AsSpan(0, changed.Index).Count('\n') + 1;
        return new(file, line, MutationKind.Planted, changed.Index, changed.Length, replacement, source);
    }
}
