using System.Globalization;
using System.Text;

namespace CudaNet.IO;

/// <summary>The dictionary at the start of a .npy file.</summary>
/// <param name="Type">The element type.</param>
/// <param name="BigEndian">Whether elements of more than one byte are stored high byte first.</param>
/// <param name="FortranOrder">Whether the first dimension varies fastest.</param>
/// <param name="Shape">The dimensions, outermost first; empty for a scalar.</param>
internal sealed record NpyHeader(DType Type, bool BigEndian, bool FortranOrder, long[] Shape)
{
    private const int MaxRank = 64;

    private const string Supported = "f4, f8, f2, i8, i4, u1 and b1, little- or big-endian";

    /// <summary>The type codes without the byte order.</summary>
    private static readonly (string Code, DType Type)[] Codes =
    [
        ("f4", DType.Float32),
        ("f8", DType.Float64),
        ("f2", DType.Float16),
        ("i8", DType.Int64),
        ("i4", DType.Int32),
        ("u1", DType.UInt8),
        ("b1", DType.Bool),
    ];

    /// <summary>The header's text as numpy writes it, without padding.</summary>
    internal static string Format(NamedArray array)
    {
        string? code = null;
        foreach ((string known, DType type) in Codes)
        {
            if (type == array.Type)
            {
                code = (type.Size == 1 ? "|" : "<") + known;
            }
        }

        if (code is null)
        {
            throw new ArgumentException(
                $"Array '{array.Name}' is {array.Type}, which NumPy's file format does not have. Convert it to Float32, "
                    + "or write safetensors.",
                nameof(array)
            );
        }

        string dimensions = string.Join(", ", array.Shape.Select(d => d.ToString(CultureInfo.InvariantCulture)));
        string comma = array.Shape.Length == 1 ? "," : "";
        return $"{{'descr': '{code}', 'fortran_order': False, 'shape': ({dimensions}{comma}), }}";
    }

    /// <summary>Parses the header's text, a Python dictionary literal.</summary>
    /// <param name="source">The file's name for messages.</param>
    /// <param name="text">The bytes after the length field; Latin-1, or UTF-8 from version 3 on.</param>
    internal static NpyHeader Parse(string source, ReadOnlySpan<byte> text) =>
        // What is read from it is ASCII in every version; other bytes can only occur where the parser refuses them.
        new Parser(source, Encoding.Latin1.GetString(text)).Parse();

    private sealed class Parser(string source, string text)
    {
        private int _at;

        public NpyHeader Parse()
        {
            (DType Type, bool BigEndian)? type = null;
            bool? fortran = null;
            long[]? shape = null;
            Take('{');
            while (!TryTake('}'))
            {
                string key = TakeString();
                Take(':');
                switch (key)
                {
                    case "descr" when type is null:
                        type = TakeType();
                        break;
                    case "fortran_order" when fortran is null:
                        fortran = TakeBool();
                        break;
                    case "shape" when shape is null:
                        shape = TakeShape();
                        break;
                    default:
                        throw Fault("the keys descr, fortran_order and shape, once each", $"key '{key}'");
                }

                if (!TryTake(','))
                {
                    Take('}');
                    break;
                }
            }

            SkipSpace();
            if (_at < text.Length)
            {
                throw Fault("the end of the header", Found());
            }

            if (type is null || fortran is null || shape is null)
            {
                string missing =
                    type is null ? "descr"
                    : fortran is null ? "fortran_order"
                    : "shape";
                throw Fault("the keys descr, fortran_order and shape", $"no {missing}");
            }

            return new NpyHeader(type.Value.Type, type.Value.BigEndian, fortran.Value, shape);
        }

        private (DType Type, bool BigEndian) TakeType()
        {
            SkipSpace();
            if (_at < text.Length && text[_at] == '[')
            {
                throw Unsupported("a structured type");
            }

            string descr = TakeString();
            foreach ((string code, DType type) in Codes)
            {
                bool single = type.Size == 1;
                if (descr.Length == 3 && descr.EndsWith(code, StringComparison.Ordinal))
                {
                    switch (descr[0])
                    {
                        case '<':
                        case '|' when single:
                            return (type, false);
                        case '>':
                            return (type, !single);
                    }
                }
            }

            throw Unsupported($"'{descr}'");
        }

        private bool TakeBool()
        {
            SkipSpace();
            foreach ((string word, bool value) in new[] { ("True", true), ("False", false) })
            {
                if (string.CompareOrdinal(text, _at, word, 0, word.Length) == 0)
                {
                    _at += word.Length;
                    return value;
                }
            }

            throw Fault("True or False", Found());
        }

        private long[] TakeShape()
        {
            var shape = new List<long>();
            Take('(');
            while (!TryTake(')'))
            {
                if (shape.Count == MaxRank)
                {
                    throw Fault($"at most {MaxRank} dimensions", "more");
                }

                shape.Add(TakeInteger());
                if (!TryTake(','))
                {
                    Take(')');
                    break;
                }
            }

            return [.. shape];
        }

        private long TakeInteger()
        {
            SkipSpace();
            int start = _at;
            while (_at < text.Length && char.IsAsciiDigit(text[_at]))
            {
                _at++;
            }

            if (
                !long.TryParse(
                    text.AsSpan(start, _at - start),
                    NumberStyles.None,
                    CultureInfo.InvariantCulture,
                    out long n
                )
            )
            {
                string found = _at > start ? text[start.._at] : Found();
                throw Fault("a dimension from 0 to 2^63 - 1", found);
            }

            // Python 2 wrote long integers with a suffix.
            if (_at < text.Length && text[_at] == 'L')
            {
                _at++;
            }

            return n;
        }

        private string TakeString()
        {
            SkipSpace();
            char quote = _at < text.Length ? text[_at] : '\0';
            int end = quote is '\'' or '"' ? text.IndexOf(quote, _at + 1) : -1;
            if (end < 0)
            {
                throw Fault("a quoted string", Found());
            }

            string value = text[(_at + 1)..end];
            _at = end + 1;
            return value;
        }

        private void Take(char wanted)
        {
            if (!TryTake(wanted))
            {
                throw Fault($"'{wanted}'", Found());
            }
        }

        private bool TryTake(char wanted)
        {
            SkipSpace();
            if (_at < text.Length && text[_at] == wanted)
            {
                _at++;
                return true;
            }

            return false;
        }

        private void SkipSpace()
        {
            while (_at < text.Length && text[_at] is ' ' or '\n' or '\t' or '\r')
            {
                _at++;
            }
        }

        private string Found() => _at < text.Length ? $"'{text[_at]}'" : "the header's end";

        private CorruptFileException Fault(string expected, string found) =>
            new(source, $"header, character {_at}", expected, found);

        private CorruptFileException Unsupported(string found) =>
            new(
                source,
                "header key 'descr'",
                $"one of {Supported}",
                found,
                "Convert the array with astype() and save again."
            );
    }
}
