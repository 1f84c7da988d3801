using System.Text;
using System.Text.RegularExpressions;

namespace CudaNet.Verification;

/// <summary>What a mutant changes.</summary>
public enum MutationKind
{
    /// <summary>A barrier is deleted.</summary>
    Barrier,

    /// <summary>A comparison takes in its bound, or leaves it out; == becomes !=.</summary>
    Comparison,

    /// <summary>One is added to an index.</summary>
    Index,

    /// <summary>A condition that keeps threads from elements that are not theirs is dropped.</summary>
    Mask,

    /// <summary>A mistake that somebody thought of; <see cref="PlantedBugs"/>.</summary>
    Planted,
}

/// <summary>One change to a source file.</summary>
/// <param name="File">The path below the root, with forward slashes.</param>
/// <param name="Line">The line, counted from 1.</param>
/// <param name="Kind">What is changed.</param>
/// <param name="Start">Where in the text.</param>
/// <param name="Length">How many characters are replaced.</param>
/// <param name="Replacement">By what.</param>
/// <param name="Source">The line as it stands, trimmed, with the replaced part in ⟦ ⟧: what a list of survivors names a mutant by, since
/// line numbers move.</param>
public sealed record Mutant(
    string File,
    int Line,
    MutationKind Kind,
    int Start,
    int Length,
    string Replacement,
    string Source
)
{
    /// <summary>The file's text with the change.</summary>
    public string Apply(string text) => string.Concat(text.AsSpan(0, Start), Replacement, text.AsSpan(Start + Length));

    /// <summary>What is inserted, and where, so that the change is made when the mutant of this number is chosen at run time; for
    /// <c>mutants.h</c> of <see cref="KernelBuild"/>.</summary>
    internal IEnumerable<(int At, string Text)> Switch(int number) =>
        Kind switch
        {
            MutationKind.Barrier => [(Start, $"do {{ if (!cn_mutant({number})) "), (Start + Length, " } while (0);")],
            MutationKind.Comparison => [(Start + Length, $" CnFlip{{cn_mutant({number})}} {_operator}")],
            MutationKind.Planted => [(Start, $"(cn_mutant({number}) ? ({Replacement}) : ("), (Start + Length, "))")],
            MutationKind.Index => [(Start, "("), (Start + Length, $") + cn_mutant({number})")],
            _ => [(Start, $"cn_mutant({number}) ? {Replacement} : ("), (Start + Length, ")")],
        };

    private readonly string _operator = Source[(Source.IndexOf('⟦') + 1)..Source.IndexOf('⟧')];

    /// <inheritdoc/>
    public override string ToString() => $"{File}:{Line}: {Kind}: {Source} → {Replacement}";
}

/// <summary>
/// Finds what can be mutated in the device code of a kernel file, by tokens: functions marked __global__ or __device__. It relies on
/// clang-format's spacing, by which a comparison stands between blanks and a template's bracket does not.
/// </summary>
internal static class MutantFinder
{
    private static readonly Regex Barriers = new(@"__sync(?:threads|warp)\s*\([^;{}]*\)\s*;");
    private static readonly Regex Comparisons = new(@"(?<=\s)(?:<=|>=|==|!=|<|>)(?=\s)");
    private static readonly Regex Conditions = new(@"\bif\s*(?=\()");
    private static readonly Regex Relation = new(@"(?<=\s)(?:<=|>=|<|>)(?=\s)");
    private static readonly Regex Leaves = new(@"\G\s*\{?\s*(?:return|continue|break)\b");

    // `T held[N];`, `float a[2][4] = ...`, `CN_SHARED(float, a, [2][4])`: an extent, not an index.
    private static readonly Regex Declarations = new(
        @"(?<=[;{}(,]\s*)(?:(?:const|constexpr|volatile|static|unsigned|alignas\([^)]*\))\s+)*(?!return\b|else\b|case\b|throw\b|delete\b|do\b)[A-Za-z_][\w:]*(?:<[^;{}]*>)?\s*[*&]*\s+\w+\s*(?<extents>(?:\[[^\]]*\])+)\s*(?=[;=,{])|CN_SHARED\((?<extents>[^;]*)\);"
    );

    private static readonly Dictionary<string, string> Flipped = new()
    {
        ["<"] = "<=",
        ["<="] = "<",
        [">"] = ">=",
        [">="] = ">",
        ["=="] = "!=",
        ["!="] = "==",
    };

    public static IReadOnlyList<Mutant> Find(string file, string text)
    {
        var code = Blank(text);
        var mutants = new List<Mutant>();
        foreach (var (start, end) in DeviceFunctions(code))
        {
            var body = code[..end];
            foreach (Match match in Barriers.Matches(body, start))
                Add(MutationKind.Barrier, match.Index, match.Length, ";");
            foreach (Match match in Comparisons.Matches(body, start))
                if (!IsCompileTime(code, match.Index))
                    Add(MutationKind.Comparison, match.Index, match.Length, Flipped[match.Value]);
            foreach (var (open, close) in Indices(body, start))
                Add(MutationKind.Index, open + 1, close - open - 1, $"({text[(open + 1)..close]}) + 1");
            foreach (Match match in Conditions.Matches(body, start))
            {
                var open = match.Index + match.Length;
                var close = Closing(body, open, '(', ')');
                if (close < 0 || !Relation.IsMatch(body[open..close]))
                    continue;
                // One that sends a thread away is dropped by never being true.
                var value = Leaves.IsMatch(body, close + 1) ? "false" : "true";
                Add(MutationKind.Mask, open + 1, close - open - 1, value);
            }
        }
        return mutants;

        void Add(MutationKind kind, int at, int length, string replacement)
        {
            var first = text.LastIndexOf('\n', Math.Max(at - 1, 0)) + 1;
            var last = text.IndexOf('\n', at + length);
            var line = text.AsSpan(0, at).Count('\n') + 1;
            var source =
                $"{text[first..at]}⟦{text[at..(at + length)]}⟧{text[(at + length)..(last < 0 ? text.Length : last)]}";
            mutants.Add(new(file, line, kind, at, length, replacement, Regex.Replace(source, @"\s+", " ").Trim()));
        }
    }

    /// <summary>Whether a comparison is settled by the compiler: then its other outcome is another kernel, not a mistake in this one.</summary>
    private static bool IsCompileTime(string code, int at)
    {
        var statement = code.LastIndexOfAny([';', '{', '}'], at) + 1;
        return Regex.IsMatch(code[statement..at], @"\b(?:static_assert|constexpr|template)\b");
    }

    /// <summary>The bodies of functions marked for the device.</summary>
    private static IEnumerable<(int Start, int End)> DeviceFunctions(string code)
    {
        var end = 0;
        foreach (Match mark in Regex.Matches(code, "__global__|__device__"))
        {
            if (mark.Index < end)
                continue;
            var at = mark.Index;
            for (var depth = 0; at < code.Length && (depth > 0 || code[at] is not ('{' or ';')); at++)
                depth += code[at] switch
                {
                    '(' => 1,
                    ')' => -1,
                    _ => 0,
                };
            if (at >= code.Length || code[at] == ';')
                continue;
            var close = Closing(code, at, '{', '}');
            if (close < 0)
                continue;
            end = close;
            yield return (at, close);
        }
    }

    private static IEnumerable<(int Open, int Close)> Indices(string body, int start)
    {
        var extents = Declarations
            .Matches(body, start)
            .Select(m =>
                (First: m.Groups["extents"].Index, Last: m.Groups["extents"].Index + m.Groups["extents"].Length)
            )
            .ToList();
        for (var open = body.IndexOf('[', start); open >= 0; open = body.IndexOf('[', open + 1))
        {
            // An index follows a name, a call or another index; a capture or an attribute does not.
            if (!char.IsLetterOrDigit(body[open - 1]) && body[open - 1] is not ('_' or ')' or ']'))
                continue;
            var close = Closing(body, open, '[', ']');
            if (close > open + 1 && !extents.Any(e => open >= e.First && open < e.Last))
                yield return (open, close);
        }
    }

    internal static int Closing(string code, int open, char left, char right)
    {
        var depth = 0;
        for (var at = open; at < code.Length; at++)
        {
            if (code[at] == left)
                depth++;
            else if (code[at] == right && --depth == 0)
                return at;
        }
        return -1;
    }

    /// <summary>The text with comments, literals and lines of the preprocessor turned to blanks, every position kept.</summary>
    internal static string Blank(string text)
    {
        var blank = new StringBuilder(text);
        foreach (
            Match match in Regex.Matches(
                text,
                @"//[^\n]*|/\*.*?\*/|""(?:\\.|[^""\\\n])*""|'(?:\\.|[^'\\\n])'|^[ \t]*#(?:[^\n]*\\\n)*[^\n]*",
                RegexOptions.Singleline | RegexOptions.Multiline
            )
        )
            for (var i = match.Index; i < match.Index + match.Length; i++)
                if (text[i] != '\n')
                    blank[i] = ' ';
        return blank.ToString();
    }
}
