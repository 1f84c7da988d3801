using System.Text;
using System.Text.Json;

namespace CudaNet.IO;

/// <summary>One array as a safetensors header describes it.</summary>
/// <param name="Name">The key; unique in the file.</param>
/// <param name="Type">The element type.</param>
/// <param name="Shape">The dimensions, outermost first.</param>
/// <param name="Begin">The first byte, counted from the start of the data section.</param>
/// <param name="End">One past the last byte, counted likewise.</param>
public sealed record SafetensorsEntry(string Name, DType Type, long[] Shape, long Begin, long End);

/// <summary>The validated header of a safetensors file.</summary>
/// <param name="Entries">The arrays in the order of their data.</param>
/// <param name="Metadata">The <c>__metadata__</c> map; empty when the file has none.</param>
/// <param name="DataStart">Where the data section starts, in bytes from the start of the file.</param>
public sealed record SafetensorsHeader(
    IReadOnlyList<SafetensorsEntry> Entries,
    IReadOnlyDictionary<string, string> Metadata,
    long DataStart
)
{
    internal const string MetadataKey = "__metadata__";
    internal const int MaxRank = 64;

    private const string DtypeKey = "dtype";
    private const string ShapeKey = "shape";
    private const string OffsetsKey = "data_offsets";
    private const string AllKeys = "the keys dtype, shape and data_offsets";

    private static readonly (string Name, DType Type)[] TypeNames =
    [
        ("F32", DType.Float32),
        ("F64", DType.Float64),
        ("F16", DType.Float16),
        ("BF16", DType.BFloat16),
        ("I64", DType.Int64),
        ("I32", DType.Int32),
        ("U8", DType.UInt8),
        ("BOOL", DType.Bool),
    ];

    internal static string NameOf(DType type)
    {
        foreach ((string name, DType known) in TypeNames)
        {
            if (known == type)
            {
                return name;
            }
        }

        throw new ArgumentOutOfRangeException(nameof(type), type, "Not an array type.");
    }

    /// <summary>Parses and checks the JSON part.</summary>
    /// <param name="source">The file's name for messages.</param>
    /// <param name="json">The header's bytes.</param>
    /// <param name="dataLength">The bytes that follow the header in the file.</param>
    internal static SafetensorsHeader Parse(string source, ReadOnlySpan<byte> json, long dataLength)
    {
        if (json[0] != (byte)'{')
        {
            throw new CorruptFileException(source, "offset 8", "'{' to open the JSON header", $"byte 0x{json[0]:x2}");
        }

        var entries = new List<SafetensorsEntry>();
        var metadata = new Dictionary<string, string>();
        try
        {
            var reader = new Utf8JsonReader(json);
            reader.Read();
            var seen = new HashSet<string>();
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                string name = reader.GetString()!;
                if (!seen.Add(name))
                {
                    throw new CorruptFileException(source, $"header key '{name}'", "each name once", "it twice");
                }

                if (name == MetadataKey)
                {
                    ReadMetadata(source, ref reader, metadata);
                }
                else
                {
                    entries.Add(ReadEntry(source, name, ref reader));
                }
            }

            // Anything after the object other than white space makes this call throw.
            reader.Read();
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or DecoderFallbackException)
        {
            string found = error is JsonException ? error.Message : "text that is not valid UTF-8";
            throw new CorruptFileException(source, "header", "a JSON object in UTF-8", found, inner: error);
        }

        CheckLayout(source, entries, dataLength);
        return new SafetensorsHeader(entries, metadata, 8L + json.Length);
    }

    private static void ReadMetadata(string source, ref Utf8JsonReader reader, Dictionary<string, string> metadata)
    {
        reader.Read();
        Expect(source, MetadataKey, "an object of strings", ref reader, JsonTokenType.StartObject);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string key = reader.GetString()!;
            reader.Read();
            Expect(source, $"{MetadataKey}.{key}", "a string", ref reader, JsonTokenType.String);
            if (!metadata.TryAdd(key, reader.GetString()!))
            {
                throw new CorruptFileException(source, $"{MetadataKey}.{key}", "each name once", "it twice");
            }
        }
    }

    private static SafetensorsEntry ReadEntry(string source, string name, ref Utf8JsonReader reader)
    {
        reader.Read();
        Expect(source, name, "an object", ref reader, JsonTokenType.StartObject);
        DType? type = null;
        long[]? shape = null;
        long[]? offsets = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string key = KnownKey(source, name, ref reader);
            reader.Read();
            bool repeated = key switch
            {
                DtypeKey => type is not null,
                ShapeKey => shape is not null,
                _ => offsets is not null,
            };
            if (repeated)
            {
                throw new CorruptFileException(source, $"{name}.{key}", "each key once", "it twice");
            }

            switch (key)
            {
                case DtypeKey:
                    type = ReadType(source, name, ref reader);
                    break;
                case ShapeKey:
                    shape = ReadIntegers(source, name, key, MaxRank, ref reader);
                    break;
                default:
                    offsets = ReadIntegers(source, name, key, 2, ref reader);
                    break;
            }
        }

        if (type is null || shape is null || offsets is null)
        {
            string missing =
                type is null ? DtypeKey
                : shape is null ? ShapeKey
                : OffsetsKey;
            throw new CorruptFileException(source, name, AllKeys, $"no {missing}");
        }

        if (offsets.Length != 2)
        {
            throw new CorruptFileException(source, $"{name}.data_offsets", "[begin, end]", ArraySizes.Format(offsets));
        }

        return new SafetensorsEntry(name, type.Value, shape, offsets[0], offsets[1]);
    }

    // The constant rather than a fresh string: a header may hold very many of these keys.
    private static string KnownKey(string source, string name, ref Utf8JsonReader reader)
    {
        foreach (string key in (ReadOnlySpan<string>)[DtypeKey, ShapeKey, OffsetsKey])
        {
            if (reader.ValueTextEquals(key))
            {
                return key;
            }
        }

        throw new CorruptFileException(source, name, AllKeys, $"key '{reader.GetString()}'");
    }

    private static DType ReadType(string source, string name, ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.String)
        {
            throw new CorruptFileException(source, $"{name}.{DtypeKey}", "a string", $"{reader.TokenType}");
        }

        foreach ((string known, DType type) in TypeNames)
        {
            if (reader.ValueTextEquals(known))
            {
                return type;
            }
        }

        throw new CorruptFileException(
            source,
            $"{name}.{DtypeKey}",
            "one of " + string.Join(", ", TypeNames.Select(t => t.Name)),
            $"'{reader.GetString()}'",
            "Convert the array to one of these types, or check that the file is undamaged."
        );
    }

    private static long[] ReadIntegers(string source, string name, string key, int atMost, ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            throw new CorruptFileException(source, $"{name}.{key}", "an array of integers", $"{reader.TokenType}");
        }

        Span<long> values = stackalloc long[MaxRank];
        int count = 0;
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType != JsonTokenType.Number || !reader.TryGetInt64(out long value) || value < 0)
            {
                bool number = reader.TokenType == JsonTokenType.Number;
                string found = number ? Encoding.UTF8.GetString(reader.ValueSpan) : $"{reader.TokenType}";
                throw new CorruptFileException(source, $"{name}.{key}", "integers from 0 to 2^63 - 1", found);
            }

            if (count == atMost)
            {
                throw new CorruptFileException(source, $"{name}.{key}", $"at most {atMost} integers", "more");
            }

            values[count++] = value;
        }

        return values[..count].ToArray();
    }

    private static void Expect(string source, string where, string what, ref Utf8JsonReader reader, JsonTokenType type)
    {
        if (reader.TokenType != type)
        {
            throw new CorruptFileException(source, where, what, $"{reader.TokenType}");
        }
    }

    // The format allows neither holes nor overlaps, so that nothing can hide in a file.
    private static void CheckLayout(string source, List<SafetensorsEntry> entries, long dataLength)
    {
        foreach (SafetensorsEntry entry in entries)
        {
            if (entry.Begin > entry.End || entry.End > dataLength)
            {
                string expected = $"begin <= end <= {dataLength}, the length of the data section";
                string found = $"[{entry.Begin}, {entry.End}]";
                throw new CorruptFileException(source, $"{entry.Name}.data_offsets", expected, found);
            }

            if (!ArraySizes.TryByteCount(entry.Shape, entry.Type.Size, out long bytes))
            {
                string shape = ArraySizes.Format(entry.Shape);
                throw new CorruptFileException(source, $"{entry.Name}.shape", "a size below 2^63 bytes", shape);
            }

            if (bytes != entry.End - entry.Begin)
            {
                string expected = $"{bytes} bytes for {entry.Type} {ArraySizes.Format(entry.Shape)}";
                string found = $"[{entry.Begin}, {entry.End}], which is {entry.End - entry.Begin} bytes";
                throw new CorruptFileException(source, $"{entry.Name}.data_offsets", expected, found);
            }
        }

        entries.Sort((a, b) => a.Begin != b.Begin ? a.Begin.CompareTo(b.Begin) : a.End.CompareTo(b.End));
        long position = 0;
        foreach (SafetensorsEntry entry in entries)
        {
            if (entry.Begin != position)
            {
                string kind = entry.Begin < position ? "an overlap" : "a hole";
                string expected = $"begin {position}, the end of the array before it";
                string found = $"{entry.Begin}, which makes {kind}";
                throw new CorruptFileException(source, $"{entry.Name}.data_offsets", expected, found);
            }

            position = entry.End;
        }

        if (position != dataLength)
        {
            string expected = $"{position} bytes of data, as the header's arrays add up to";
            throw new CorruptFileException(source, "end of file", expected, $"{dataLength} bytes");
        }
    }
}
