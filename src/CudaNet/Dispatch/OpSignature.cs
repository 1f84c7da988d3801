using System.Globalization;
using System.Text;

namespace CudaNet;

/// <summary>An input or output of an op. <c>weight?</c> may be absent, <c>params*</c> is a list, <c>param!</c> is written in place.</summary>
public sealed record Parameter(string Name, bool IsOptional, bool IsList, bool IsMutated)
{
    /// <summary>The name with its marks, as it stands in a signature.</summary>
    public override string ToString() =>
        $"{Name}{(IsMutated ? "!" : "")}{(IsOptional ? "?" : "")}{(IsList ? "*" : "")}";
}

/// <summary>The kinds of attribute values.</summary>
public enum AttributeKind
{
    /// <summary>A 64-bit integer.</summary>
    Int,

    /// <summary>A double.</summary>
    Float,

    /// <summary>true or false.</summary>
    Bool,

    /// <summary>A list of 64-bit integers.</summary>
    Ints,

    /// <summary>One of some words, stored as its position.</summary>
    Choice,

    /// <summary>A dtype, stored as its number.</summary>
    DType,
}

/// <summary>An attribute of an op: its name, kind, the words of a choice, and its default, if it has one.</summary>
public sealed record AttributeParameter(string Name, AttributeKind Kind, IReadOnlyList<string> Choices, string? Default)
{
    /// <summary>The kind as native kernels see it.</summary>
    internal string NativeKind =>
        Kind switch
        {
            AttributeKind.Float => "float",
            AttributeKind.Bool => "bool",
            AttributeKind.Ints => "ints",
            _ => "int",
        };

    /// <summary>How the attribute is written in a signature.</summary>
    public override string ToString()
    {
        var kind = Kind switch
        {
            AttributeKind.Choice => string.Join("|", Choices),
            AttributeKind.DType => "dtype",
            _ => NativeKind,
        };
        return $"{Name}: {kind}{(Default is null ? "" : $" = {Default}")}";
    }
}

/// <summary>
/// What an op takes and gives, read from one line of text:
/// <c>input, weight?, bias?; normalized_shape: ints, eps: float = 1e-5 -> output, mean, rstd</c>.
/// The kernel registers the same line without defaults, and both are compared when the library is loaded.
/// </summary>
public sealed class OpSignature
{
    internal OpSignature(string text)
    {
        var arrow = text.IndexOf("->", StringComparison.Ordinal);
        var outputs = arrow < 0 ? "" : text[(arrow + 2)..];
        var head = arrow < 0 ? text : text[..arrow];
        var semicolon = head.IndexOf(';');
        Inputs = [.. Split(semicolon < 0 ? head : head[..semicolon]).Select(ParseParameter)];
        Attributes = semicolon < 0 ? [] : [.. Split(head[(semicolon + 1)..]).Select(ParseAttribute)];
        Outputs = [.. Split(outputs).Select(ParseParameter)];
        ListCount = Inputs.Count(p => p.IsList);
        HasMutated = Inputs.Any(p => p.IsMutated);
    }

    /// <summary>The tensors that the op reads.</summary>
    public IReadOnlyList<Parameter> Inputs { get; }

    /// <summary>The attributes.</summary>
    public IReadOnlyList<AttributeParameter> Attributes { get; }

    /// <summary>The tensors that the op makes.</summary>
    public IReadOnlyList<Parameter> Outputs { get; }

    /// <summary>How many inputs are lists; all lists of a call have one length.</summary>
    internal int ListCount { get; }

    /// <summary>Whether an input is written in place.</summary>
    internal bool HasMutated { get; }

    /// <summary>The line that the native kernel must have registered.</summary>
    internal string Native()
    {
        var text = new StringBuilder(string.Join(", ", Inputs));
        if (Attributes.Count > 0)
            text.Append("; ").AppendJoin(", ", Attributes.Select(a => $"{a.Name}: {a.NativeKind}"));
        if (Outputs.Count > 0)
            text.Append(" -> ").AppendJoin(", ", Outputs);
        return text.ToString();
    }

    private static IEnumerable<string> Split(string text) =>
        text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);

    private static Parameter ParseParameter(string text) =>
        new(text.TrimEnd('?', '*', '!'), text.Contains('?'), text.Contains('*'), text.Contains('!'));

    private static AttributeParameter ParseAttribute(string text)
    {
        var equals = text.Split('=', 2, StringSplitOptions.TrimEntries);
        var parts = equals[0].Split(':', 2, StringSplitOptions.TrimEntries);
        var kind = parts[1] switch
        {
            "int" => AttributeKind.Int,
            "float" => AttributeKind.Float,
            "bool" => AttributeKind.Bool,
            "ints" => AttributeKind.Ints,
            "dtype" => AttributeKind.DType,
            _ => AttributeKind.Choice,
        };
        var choices = kind == AttributeKind.Choice ? parts[1].Split('|') : [];
        return new(parts[0], kind, choices, equals.Length > 1 ? equals[1] : null);
    }

    /// <summary>Attributes from text, as the command line gives them; what is not named has its default.</summary>
    /// <exception cref="AttributeException">A name or value is unknown, or one without a default is missing.</exception>
    public Attributes ParseAttributes(string op, IReadOnlyDictionary<string, string> values)
    {
        foreach (var name in values.Keys)
            if (!Attributes.Any(a => a.Name == name))
                throw new AttributeException(
                    $"{op} has no attribute '{name}'; it has {(Attributes.Count == 0 ? "none" : string.Join(", ", Attributes))}"
                );
        var parsed = new AttributeValue[Attributes.Count];
        for (var i = 0; i < parsed.Length; i++)
        {
            var attribute = Attributes[i];
            var text =
                values.GetValueOrDefault(attribute.Name)
                ?? attribute.Default
                ?? throw new AttributeException($"{op} needs the attribute {attribute}");
            parsed[i] = Parse(op, attribute, text);
        }
        return CudaNet.Attributes.Of(parsed);
    }

    private static AttributeValue Parse(string op, AttributeParameter attribute, string text)
    {
        try
        {
            return attribute.Kind switch
            {
                AttributeKind.Int => long.Parse(text, CultureInfo.InvariantCulture),
                AttributeKind.Float => double.Parse(text, CultureInfo.InvariantCulture),
                AttributeKind.Bool => bool.Parse(text),
                AttributeKind.DType => DTypes.Parse(text),
                AttributeKind.Ints => ParseInts(text),
                _ => IndexOfChoice(attribute, text),
            };
        }
        catch (Exception e) when (e is FormatException or OverflowException)
        {
            throw new AttributeException($"{op}: '{text}' is no value of the attribute {attribute}");
        }
    }

    private static long[] ParseInts(string text) =>
        [
            .. text.Trim('(', ')', '[', ']')
                .Split([',', 'x', ' '], StringSplitOptions.RemoveEmptyEntries)
                .Select(t => long.Parse(t, CultureInfo.InvariantCulture)),
        ];

    private static long IndexOfChoice(AttributeParameter attribute, string text)
    {
        for (var i = 0; i < attribute.Choices.Count; i++)
            if (attribute.Choices[i] == text)
                return i;
        throw new FormatException();
    }

    /// <inheritdoc/>
    public override string ToString()
    {
        var head = string.Join(", ", Inputs);
        var attributes = Attributes.Count == 0 ? "" : $"; {string.Join(", ", Attributes)}";
        return $"{head}{attributes} -> {string.Join(", ", Outputs)}";
    }
}
