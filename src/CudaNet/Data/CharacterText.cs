using System.Text;
using CudaNet.IO;

namespace CudaNet.Data;

/// <summary>A text as numbers of characters, for language models that read letter by letter.</summary>
/// <param name="Characters">The different characters (Unicode code points as strings), sorted; a token is a place in it.</param>
/// <param name="Tokens">The text.</param>
public sealed record CharacterText(IReadOnlyList<string> Characters, int[] Tokens)
{
    /// <summary>Reads a text file.</summary>
    /// <param name="path">The file, in UTF-8.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="CorruptFileException">It is not UTF-8.</exception>
    public static CharacterText Read(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        try
        {
            return Of(new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(File.ReadAllBytes(path)));
        }
        catch (DecoderFallbackException e)
        {
            throw new CorruptFileException(
                path,
                $"offset {e.Index}",
                "text in UTF-8",
                "other bytes",
                "Convert the file to UTF-8.",
                e
            );
        }
    }

    /// <summary>A text with its own characters.</summary>
    public static CharacterText Of(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var different = new SortedSet<int>();
        foreach (var rune in text.EnumerateRunes())
            different.Add(rune.Value);
        var places = different.Index().ToDictionary(pair => pair.Item, pair => pair.Index);
        List<int> tokens = [];
        foreach (var rune in text.EnumerateRunes())
            tokens.Add(places[rune.Value]);
        return new CharacterText([.. different.Select(char.ConvertFromUtf32)], [.. tokens]);
    }

    /// <summary>The tokens of another text, a prompt for example.</summary>
    /// <exception cref="ArgumentException">A character does not occur in this text.</exception>
    public int[] Encode(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var places = Characters.Index().ToDictionary(pair => pair.Item, pair => pair.Index, StringComparer.Ordinal);
        return
        [
            .. text.EnumerateRunes()
                .Select(rune =>
                    places.TryGetValue(rune.ToString(), out var place)
                        ? place
                        : throw new ArgumentException($"'{rune}' does not occur in the text", nameof(text))
                ),
        ];
    }

    /// <summary>The text of tokens.</summary>
    public string Decode(ReadOnlySpan<int> tokens)
    {
        var text = new StringBuilder();
        foreach (var token in tokens)
            text.Append(Characters[token]);
        return text.ToString();
    }
}
