using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace CudaNet.IO;

/// <summary>A safetensors file in memory.</summary>
/// <param name="Arrays">The arrays in the order of their data.</param>
/// <param name="Metadata">The <c>__metadata__</c> map; empty when the file has none.</param>
public sealed record SafetensorsFile(IReadOnlyList<NamedArray> Arrays, IReadOnlyDictionary<string, string> Metadata);

/// <summary>
/// Reads and writes the safetensors format: an unsigned 64-bit length, a JSON header of that many bytes, and the
/// arrays' bytes back to back. Source: https://github.com/huggingface/safetensors, "Format".
/// </summary>
/// <remarks>
/// Every field is checked before memory is allocated by it; a file cannot make the reader hold more than about its own
/// size (plus the header, at most 100 MB, as in the reference implementation).
/// </remarks>
public static class Safetensors
{
    private const long MaxHeader = 100_000_000;
    private const int LengthField = 8;

    /// <summary>Reads a whole file.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="CorruptFileException">The contents break the format, or a dtype is not supported.</exception>
    /// <exception cref="NotSupportedException">One array holds more bytes than a .NET array can.</exception>
    public static SafetensorsFile Read(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        using FileStream stream = File.OpenRead(path);
        return Read(stream, path);
    }

    /// <summary>Reads from the stream's position to its end.</summary>
    /// <param name="stream">A stream that can seek, so that its length is known before anything is allocated.</param>
    /// <param name="source">What to call the stream in messages.</param>
    /// <exception cref="CorruptFileException">The contents break the format, or a dtype is not supported.</exception>
    /// <exception cref="NotSupportedException">One array holds more bytes than a .NET array can.</exception>
    public static SafetensorsFile Read(Stream stream, string source = "safetensors stream")
    {
        ArgumentNullException.ThrowIfNull(stream);
        long start = stream.CanSeek ? stream.Position : 0;
        SafetensorsHeader header = ReadHeader(stream, source);
        var arrays = new List<NamedArray>(header.Entries.Count);
        foreach (SafetensorsEntry entry in header.Entries)
        {
            BoundedReader.CheckArrayLimit(source, entry.Name, entry.End - entry.Begin);
        }

        foreach (SafetensorsEntry entry in header.Entries)
        {
            var bytes = new byte[entry.End - entry.Begin];
            ReadArray(stream, start, header, entry, bytes, source);
            arrays.Add(new NamedArray(entry.Name, entry.Type, entry.Shape, bytes));
        }

        return new SafetensorsFile(arrays, header.Metadata);
    }

    /// <summary>
    /// Reads and checks the header alone, so that a caller can read large arrays one at a time with
    /// <see cref="ReadArray"/>.
    /// </summary>
    /// <param name="stream">A stream that can seek, at the start of the safetensors contents.</param>
    /// <param name="source">What to call the stream in messages.</param>
    /// <exception cref="CorruptFileException">The contents break the format, or a dtype is not supported.</exception>
    public static SafetensorsHeader ReadHeader(Stream stream, string source = "safetensors stream")
    {
        ArgumentNullException.ThrowIfNull(stream);
        if (!stream.CanSeek)
        {
            throw new ArgumentException("The stream must be able to seek; copy it to a file first.", nameof(stream));
        }

        long length = stream.Length - stream.Position;
        if (length < LengthField)
        {
            throw new CorruptFileException(source, "offset 0", "an 8-byte header length", $"{length} bytes in all");
        }

        Span<byte> field = stackalloc byte[LengthField];
        stream.ReadExactly(field);
        ulong headerLength = BinaryPrimitives.ReadUInt64LittleEndian(field);
        ulong most = (ulong)Math.Min(length - LengthField, MaxHeader);
        if (headerLength < 2 || headerLength > most)
        {
            string expected = $"a header length from 2 to {most}";
            throw new CorruptFileException(source, "offset 0", expected, $"{headerLength}");
        }

        var json = new byte[(int)headerLength];
        stream.ReadExactly(json);
        return SafetensorsHeader.Parse(source, json, length - LengthField - json.Length);
    }

    /// <summary>Reads one array's bytes into memory of the caller's.</summary>
    /// <param name="stream">The stream that the header came from.</param>
    /// <param name="start">The position in the stream where the safetensors contents start; 0 for a file.</param>
    /// <param name="header">The header, from <see cref="ReadHeader"/>.</param>
    /// <param name="entry">One of its entries.</param>
    /// <param name="destination">Exactly <c>entry.End - entry.Begin</c> bytes.</param>
    /// <param name="source">What to call the stream in messages.</param>
    /// <exception cref="CorruptFileException">The stream became shorter, or a bool is neither 0 nor 1.</exception>
    public static void ReadArray(
        Stream stream,
        long start,
        SafetensorsHeader header,
        SafetensorsEntry entry,
        Span<byte> destination,
        string source = "safetensors stream"
    )
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(header);
        ArgumentNullException.ThrowIfNull(entry);
        if (destination.Length != entry.End - entry.Begin)
        {
            throw new ArgumentException(
                $"Array '{entry.Name}' needs {entry.End - entry.Begin} bytes; the destination has {destination.Length}.",
                nameof(destination)
            );
        }

        stream.Position = start + header.DataStart + entry.Begin;
        int got = stream.ReadAtLeast(destination, destination.Length, throwOnEndOfStream: false);
        if (got < destination.Length)
        {
            string found = $"{got}; the file became shorter while it was read";
            throw new CorruptFileException(source, $"array '{entry.Name}'", $"{destination.Length} bytes", found);
        }

        BoundedReader.CheckBooleans(source, entry.Name, entry.Type, destination);
    }

    /// <summary>Writes a file: to a temporary name, flushed to the disk, then renamed over <paramref name="path"/>.</summary>
    /// <param name="path">The file to make or replace.</param>
    /// <param name="arrays">The arrays; names unique and not <c>__metadata__</c>.</param>
    /// <param name="metadata">The <c>__metadata__</c> map; left out when null or empty.</param>
    /// <exception cref="ArgumentException">A name, shape or byte count is invalid.</exception>
    /// <exception cref="IOException">The file cannot be written; an old file is left as it was.</exception>
    public static void Write(
        string path,
        IReadOnlyList<NamedArray> arrays,
        IReadOnlyDictionary<string, string>? metadata = null
    ) => AtomicFile.Write(path, stream => Write(stream, arrays, metadata));

    /// <summary>Writes to a stream. Arrays are laid out by falling element size, so that each starts aligned.</summary>
    /// <param name="stream">Written from its current position.</param>
    /// <param name="arrays">The arrays; names unique and not <c>__metadata__</c>.</param>
    /// <param name="metadata">The <c>__metadata__</c> map; left out when null or empty.</param>
    /// <exception cref="ArgumentException">A name, shape or byte count is invalid.</exception>
    public static void Write(
        Stream stream,
        IReadOnlyList<NamedArray> arrays,
        IReadOnlyDictionary<string, string>? metadata = null
    )
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(arrays);
        NamedArray[] ordered = CheckAndOrder(arrays);
        ReadOnlyMemory<byte> json = BuildHeader(ordered, metadata);
        if (json.Length > MaxHeader)
        {
            throw new ArgumentException(
                $"The header takes {json.Length} bytes; readers accept {MaxHeader}.",
                nameof(arrays)
            );
        }

        // Spaces after the JSON align the data section to 8 bytes.
        int padding = -json.Length & 7;
        Span<byte> length = stackalloc byte[LengthField];
        BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)(json.Length + padding));
        stream.Write(length);
        stream.Write(json.Span);
        stream.Write("       "u8[..padding]);
        foreach (NamedArray array in ordered)
        {
            stream.Write(array.Bytes);
        }
    }

    private static NamedArray[] CheckAndOrder(IReadOnlyList<NamedArray> arrays)
    {
        var names = new HashSet<string>();
        foreach (NamedArray array in arrays)
        {
            ArraySizes.Validate(array);
            CheckText(array.Name);
            if (array.Name == SafetensorsHeader.MetadataKey)
            {
                throw new ArgumentException(
                    $"'{array.Name}' is reserved by the format; rename the array.",
                    nameof(arrays)
                );
            }

            if (array.Shape.Length > SafetensorsHeader.MaxRank)
            {
                throw new ArgumentException(
                    $"Array '{array.Name}' has {array.Shape.Length} dimensions; at most {SafetensorsHeader.MaxRank} are stored.",
                    nameof(arrays)
                );
            }

            if (!names.Add(array.Name))
            {
                throw new ArgumentException($"Two arrays are named '{array.Name}'; names must differ.", nameof(arrays));
            }
        }

        return [.. arrays.OrderByDescending(a => a.Type.Size)];
    }

    private static ReadOnlyMemory<byte> BuildHeader(NamedArray[] arrays, IReadOnlyDictionary<string, string>? metadata)
    {
        var buffer = new ArrayBufferWriter<byte>();

        // The relaxed encoder keeps names readable; the header is never embedded in HTML.
        var options = new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
        using var json = new Utf8JsonWriter(buffer, options);
        json.WriteStartObject();
        if (metadata is { Count: > 0 })
        {
            json.WriteStartObject(SafetensorsHeader.MetadataKey);
            foreach ((string key, string value) in metadata.OrderBy(p => p.Key, StringComparer.Ordinal))
            {
                CheckText(key);
                CheckText(value);
                json.WriteString(key, value);
            }

            json.WriteEndObject();
        }

        long position = 0;
        foreach (NamedArray array in arrays)
        {
            json.WriteStartObject(array.Name);
            json.WriteString("dtype", SafetensorsHeader.NameOf(array.Type));
            json.WriteStartArray("shape");
            foreach (long dimension in array.Shape)
            {
                json.WriteNumberValue(dimension);
            }

            json.WriteEndArray();
            json.WriteStartArray("data_offsets");
            json.WriteNumberValue(position);
            position += array.Bytes.LongLength;
            json.WriteNumberValue(position);
            json.WriteEndArray();
            json.WriteEndObject();
        }

        json.WriteEndObject();
        json.Flush();
        return buffer.WrittenMemory;
    }

    // A lone surrogate would be replaced on the way to UTF-8, and the name that is read back would be another one.
    private static void CheckText(string text)
    {
        try
        {
            _ = StrictUtf8.GetByteCount(text);
        }
        catch (EncoderFallbackException error)
        {
            throw new ArgumentException($"A name or metadata text is not valid Unicode: {error.Message}", error);
        }
    }

    private static readonly UTF8Encoding StrictUtf8 = new(false, throwOnInvalidBytes: true);
}
