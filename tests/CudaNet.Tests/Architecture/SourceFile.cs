using System.Text;

namespace CudaNet.Tests.Architecture;

/// <summary>One source file: its path from the repository's root, with forward slashes, and its text.</summary>
internal sealed record SourceFile(string Path, string Text)
{
    private static readonly string[] s_extensions = [".cs", ".cu", ".cuh", ".h", ".cpp"];
    private static readonly string[] s_folders = ["kernels", "native", "src", "tests", "samples", "bench"];

    /// <summary>The C# text without comments and literals: what is left are names and punctuation.</summary>
    public string Code { get; } = Path.EndsWith(".cs", StringComparison.Ordinal) ? Strip(Text) : Text;

    public bool IsManaged => Path.EndsWith(".cs", StringComparison.Ordinal);

    public int Lines => Text.Count(c => c == '\n') + (Text.Length > 0 && Text[^1] != '\n' ? 1 : 0);

    public bool IsUnder(string folder) => Path.StartsWith(folder + "/", StringComparison.Ordinal);

    public static IReadOnlyList<SourceFile> ReadAll(string root) =>
        [
            .. s_folders
                .Select(folder => new DirectoryInfo(System.IO.Path.Combine(root, folder)))
                .Where(folder => folder.Exists)
                .SelectMany(Walk)
                .Select(file => new SourceFile(
                    System.IO.Path.GetRelativePath(root, file.FullName).Replace('\\', '/'),
                    File.ReadAllText(file.FullName)
                ))
                .OrderBy(file => file.Path, StringComparer.Ordinal),
        ];

    private static IEnumerable<FileInfo> Walk(DirectoryInfo folder) =>
        folder
            .EnumerateFiles()
            .Where(file => s_extensions.Contains(file.Extension))
            .Concat(
                folder
                    .EnumerateDirectories()
                    .Where(inner => inner.Name is not ("bin" or "obj") && !inner.Name.StartsWith('.'))
                    .SelectMany(Walk)
            );

    /// <summary>Blanks comments, strings and characters, and keeps line breaks. The holes of an interpolated string go too.</summary>
    private static string Strip(string text)
    {
        var code = new StringBuilder(text.Length);
        int i = 0;
        while (i < text.Length)
        {
            int end = text[i] switch
            {
                '/' when Next(1) == '/' => Until("\n", i),
                '/' when Next(1) == '*' => After("*/", i + 2),
                '"' => StringEnd(i),
                '\'' => CharacterEnd(i),
                _ => i,
            };
            if (end == i)
            {
                code.Append(text[i++]);
                continue;
            }

            code.Append(' ').Append('\n', text.AsSpan(i, end - i).Count('\n'));
            i = end;
        }

        return code.ToString();

        char Next(int offset) => i + offset < text.Length ? text[i + offset] : '\0';

        int Until(string mark, int from) =>
            text.IndexOf(mark, from, StringComparison.Ordinal) is >= 0 and var at ? at : text.Length;

        int After(string mark, int from) => Math.Min(text.Length, Until(mark, from) + mark.Length);

        int StringEnd(int start)
        {
            int quotes = 1;
            while (start + quotes < text.Length && text[start + quotes] == '"')
                quotes++;
            if (quotes >= 3)
                return After(new string('"', quotes), start + quotes);
            bool verbatim = start > 0 && (text[start - 1] == '@' || (start > 1 && text[(start - 2)..start] == "@$"));
            for (int at = start + 1; at < text.Length; at++)
            {
                if (!verbatim && text[at] == '\\')
                    at++;
                else if (text[at] == '"' && verbatim && at + 1 < text.Length && text[at + 1] == '"')
                    at++;
                else if (text[at] == '"')
                    return at + 1;
            }

            return text.Length;
        }

        int CharacterEnd(int start)
        {
            int at = start + 1;
            while (at < text.Length && text[at] != '\'' && text[at] != '\n')
                at += text[at] == '\\' ? 2 : 1;
            return Math.Min(text.Length, at + 1);
        }
    }
}
