namespace CudaNet.Verification;

/// <summary>The mutants that compute the same as the kernel, each with the reason: <c>tests/mutation/survivors.txt</c>.</summary>
public static class Survivors
{
    /// <summary>The list, below the root.</summary>
    public const string List = "tests/mutation/survivors.txt";

    /// <summary>Reads the list: a line `file | kind | source` for each mutant, under a line `# reason` that holds until the next.</summary>
    /// <exception cref="FormatException">A line has no reason above it or is none of these.</exception>
    public static IReadOnlySet<(string File, MutationKind Kind, string Source)> Read(string root)
    {
        var explained = new HashSet<(string, MutationKind, string)>();
        var path = Path.Combine(root, List);
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
                throw new FormatException($"{List}: expected 'file | kind | source' under a '# reason', got: {line}");
            explained.Add((parts[0], kind, parts[2]));
        }
        return explained;
    }
}
