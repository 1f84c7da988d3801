using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace CudaNet.IO;

/// <summary>
/// Reads and writes one array in NumPy's .npy format, versions 1 to 3. Source: NumPy's <c>numpy.lib.format</c> and NEP 1.
/// </summary>
/// <remarks>
/// Read: f4, f8, f2, i8, i4, u1 and b1 in either byte order and either memory order; the result is little-endian and in
/// C order. Written: version 1.0, little-endian, C order.
/// </remarks>
public static class Npy
{
    // Longer headers (versions 2 and 3) exist for structured types, which are not read here.
    private const int MaxHeader = ushort.MaxValue;
    private const int Alignment = 64;

    private static ReadOnlySpan<byte> Magic => [0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y'];

    /// <summary>Reads a .npy file; the array's name is the file's name without the ending.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="CorruptFileException">The contents break the format, or the dtype is not supported.</exception>
    /// <exception cref="NotSupportedException">The array holds more bytes than a .NET array can.</exception>
    public static NamedArray Read(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        using FileStream stream = File.OpenRead(path);
        return Read(stream, stream.Length, path, Path.GetFileNameWithoutExtension(path), stream.Length);
    }

    /// <summary>Reads the .npy contents of known length that a stream holds next.</summary>
    /// <param name="stream">Need not seek.</param>
    /// <param name="length">How many bytes the contents take: header and data, nothing else.</param>
    /// <param name="source">What to call the stream in messages.</param>
    /// <param name="name">The name that the array gets.</param>
    /// <exception cref="CorruptFileException">The contents break the format, or the dtype is not supported.</exception>
    /// <exception cref="NotSupportedException">The array holds more bytes than a .NET array can.</exception>
    public static NamedArray Read(Stream stream, long length, string source = "npy stream", string name = "") =>
        Read(stream, length, source, name, known: 0);

    // known: how many bytes the stream holds for sure.
    internal static NamedArray Read(Stream stream, long length, string source, string name, long known)
    {
        ArgumentNullException.ThrowIfNull(stream);
        (NpyHeader header, long headerLength) = ReadHeader(stream, length, source);
        int elementSize = header.Type.Size;
        if (!ArraySizes.TryByteCount(header.Shape, elementSize, out long bytes))
        {
            throw new CorruptFileException(source, "shape", "a size below 2^63 bytes", ArraySizes.Format(header.Shape));
        }

        if (bytes != length - headerLength)
        {
            string expected = $"{bytes} bytes of data for {header.Type} {ArraySizes.Format(header.Shape)}";
            throw new CorruptFileException(
                source,
                $"offset {headerLength}",
                expected,
                $"{length - headerLength} bytes"
            );
        }

        BoundedReader.CheckArrayLimit(source, name, bytes);
        byte[] data = BoundedReader.ReadUpTo(stream, bytes, known);
        if (data.Length != bytes)
        {
            throw new CorruptFileException(
                source,
                $"offset {headerLength}",
                $"{bytes} bytes of data",
                $"{data.Length}"
            );
        }

        if (header.BigEndian)
        {
            ReverseElements(data, elementSize);
        }

        if (header.FortranOrder)
        {
            data = FromFortranOrder(data, header.Shape, elementSize);
        }

        BoundedReader.CheckBooleans(source, name, header.Type, data);
        return new NamedArray(name, header.Type, header.Shape, data);
    }

    /// <summary>Writes a .npy file, replacing an old one as a whole.</summary>
    /// <param name="path">The file.</param>
    /// <param name="array">The array; its name is not stored.</param>
    /// <exception cref="ArgumentException">The array is inconsistent, or bfloat16, which NumPy lacks.</exception>
    /// <exception cref="IOException">The file cannot be written; an old file is left as it was.</exception>
    public static void Write(string path, NamedArray array) => AtomicFile.Write(path, stream => Write(stream, array));

    /// <summary>Writes .npy contents to a stream.</summary>
    /// <param name="stream">Written from its current position; need not seek.</param>
    /// <param name="array">The array; its name is not stored.</param>
    /// <exception cref="ArgumentException">The array is inconsistent, or bfloat16, which NumPy lacks.</exception>
    public static void Write(Stream stream, NamedArray array)
    {
        ArgumentNullException.ThrowIfNull(stream);
        stream.Write(BuildHeader(array));
        stream.Write(array.Bytes);
    }

    /// <summary>Checks an array and makes the bytes that come before its data.</summary>
    internal static byte[] BuildHeader(NamedArray array)
    {
        ArraySizes.Validate(array);
        string text = NpyHeader.Format(array);

        // magic, version, length, text, spaces, line feed: a multiple of 64 so that the data is aligned.
        int prefix = Magic.Length + 4;
        int total = (prefix + text.Length + 1 + Alignment - 1) / Alignment * Alignment;
        if (total - prefix > MaxHeader)
        {
            throw new ArgumentException($"Array '{array.Name}' has too many dimensions for .npy.", nameof(array));
        }

        var header = new byte[total];
        Array.Fill(header, (byte)' ');
        Magic.CopyTo(header);
        header[6] = 1;
        header[7] = 0;
        BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(8), (ushort)(total - prefix));
        Encoding.ASCII.GetBytes(text, header.AsSpan(prefix));
        header[^1] = (byte)'\n';
        return header;
    }

    private static (NpyHeader Header, long Length) ReadHeader(Stream stream, long length, string source)
    {
        Span<byte> start = stackalloc byte[12];
        int got = stream.ReadAtLeast(start[..8], 8, throwOnEndOfStream: false);
        if (got < 8 || !start[..6].SequenceEqual(Magic))
        {
            string found = Convert.ToHexStringLower(start[..Math.Min(got, 6)]);
            throw new CorruptFileException(
                source,
                "offset 0",
                "the bytes 934e554d5059 (\\x93NUMPY) and a version",
                found
            );
        }

        int major = start[6];
        if (major is < 1 or > 3 || start[7] != 0)
        {
            throw new CorruptFileException(source, "offset 6", "version 1.0, 2.0 or 3.0", $"{major}.{start[7]}");
        }

        int field = major == 1 ? 2 : 4;
        Span<byte> lengthField = start.Slice(8, field);
        if (stream.ReadAtLeast(lengthField, field, throwOnEndOfStream: false) < field)
        {
            throw new CorruptFileException(source, "offset 8", $"a {field}-byte header length", "the end of the file");
        }

        long textLength =
            major == 1
                ? BinaryPrimitives.ReadUInt16LittleEndian(lengthField)
                : BinaryPrimitives.ReadUInt32LittleEndian(lengthField);
        long most = Math.Min(MaxHeader, length - 8 - field);
        if (textLength > most)
        {
            throw new CorruptFileException(source, "offset 8", $"a header length of at most {most}", $"{textLength}");
        }

        var text = new byte[(int)textLength];
        if (stream.ReadAtLeast(text, text.Length, throwOnEndOfStream: false) < text.Length)
        {
            throw new CorruptFileException(source, "header", $"{textLength} bytes", "the end of the file");
        }

        return (NpyHeader.Parse(source, text), 8 + field + textLength);
    }

    private static void ReverseElements(byte[] data, int elementSize)
    {
        switch (elementSize)
        {
            case 2:
                Span<short> halves = MemoryMarshal.Cast<byte, short>(data.AsSpan());
                BinaryPrimitives.ReverseEndianness(halves, halves);
                break;
            case 4:
                Span<int> words = MemoryMarshal.Cast<byte, int>(data.AsSpan());
                BinaryPrimitives.ReverseEndianness(words, words);
                break;
            case 8:
                Span<long> longs = MemoryMarshal.Cast<byte, long>(data.AsSpan());
                BinaryPrimitives.ReverseEndianness(longs, longs);
                break;
        }
    }

    private static byte[] FromFortranOrder(byte[] data, long[] shape, int elementSize)
    {
        // With at most one dimension above 1 the two orders are the same.
        if (data.Length == 0 || shape.Count(d => d > 1) <= 1)
        {
            return data;
        }

        var strides = new long[shape.Length];
        long stride = elementSize;
        for (int d = 0; d < shape.Length; d++)
        {
            strides[d] = stride;
            stride *= shape[d];
        }

        // Walks the result in order; the odometer keeps the matching source offset.
        var result = new byte[data.Length];
        var index = new long[shape.Length];
        long from = 0;
        for (int to = 0; to < result.Length; to += elementSize)
        {
            data.AsSpan((int)from, elementSize).CopyTo(result.AsSpan(to));
            for (int d = shape.Length - 1; d >= 0; d--)
            {
                from += strides[d];
                if (++index[d] < shape[d])
                {
                    break;
                }

                index[d] = 0;
                from -= strides[d] * shape[d];
            }
        }

        return result;
    }
}
