using System.Buffers.Binary;
using System.Text;

namespace CudaNet.IO;

/// <summary>
/// Reads PNG images of every colour type and depth, as 8-bit greyscale or RGB; what is transparent is shown on white. Source:
/// ISO/IEC 15948:2003, "Portable Network Graphics". Interlaced images are not read.
/// </summary>
public static class PngReader
{
    // A chunk's length, type and checksum.
    private const int Overhead = 12;

    /// <summary>Whether contents begin as a PNG file does.</summary>
    public static bool IsPng(ReadOnlySpan<byte> contents) => contents.StartsWith(Signature);

    /// <summary>Reads an image file.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="CorruptFileException">The contents break the format, are interlaced, or have over 2^26 pixels.</exception>
    public static Picture Read(string path) => Read(File.ReadAllBytes(path), path);

    /// <summary>Reads the contents of an image file.</summary>
    /// <param name="png">The contents.</param>
    /// <param name="source">What to call them in messages.</param>
    /// <exception cref="CorruptFileException">As for <see cref="Read(string)"/>.</exception>
    public static Picture Read(ReadOnlySpan<byte> png, string source = "png data")
    {
        if (!IsPng(png))
            throw new CorruptFileException(source, "offset 0", "the signature of a PNG file", "other bytes");
        PngHeader? header = null;
        byte[] palette = [];
        byte[] alpha = [];
        var parts = new List<Range>();
        for (var at = Signature.Length; ; )
        {
            var body = ChunkAt(png, at, source);
            var type = Encoding.ASCII.GetString(png.Slice(at + 4, 4));
            if (header is null && type != "IHDR")
                throw new CorruptFileException(source, $"offset {at}", "the chunk IHDR", type);
            switch (type)
            {
                case "IHDR":
                    header = PngHeader.Parse(body, source);
                    break;
                case "PLTE":
                    palette = body.ToArray();
                    break;
                case "tRNS":
                    alpha = body.ToArray();
                    break;
                case "IDAT":
                    parts.Add((at + 8)..(at + 8 + body.Length));
                    break;
                case "IEND":
                    return new PngPixels(header!, palette, alpha, source).Decode(Join(png, parts));
            }
            at += Overhead + body.Length;
        }
    }

    private static byte[] Join(ReadOnlySpan<byte> png, List<Range> parts)
    {
        var length = 0;
        foreach (var part in parts)
            length += part.End.Value - part.Start.Value;
        var joined = new byte[length];
        var at = 0;
        foreach (var part in parts)
        {
            png[part].CopyTo(joined.AsSpan(at));
            at += part.End.Value - part.Start.Value;
        }
        return joined;
    }

    private static ReadOnlySpan<byte> Signature => [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A];

    private static ReadOnlySpan<byte> ChunkAt(ReadOnlySpan<byte> png, int at, string source)
    {
        var rest = png.Length - at - Overhead;
        if (rest < 0)
            throw new CorruptFileException(source, $"offset {at}", "a chunk", "the end of the file");
        var length = BinaryPrimitives.ReadUInt32BigEndian(png[at..]);
        if (length > rest)
            throw new CorruptFileException(source, $"offset {at}", $"a chunk of {length} bytes", $"{rest} bytes");
        var named = png.Slice(at + 4, 4 + (int)length);
        if (Crc32.Append(0, named) != BinaryPrimitives.ReadUInt32BigEndian(png[(at + 8 + (int)length)..]))
            throw new CorruptFileException(source, $"offset {at}", "a chunk with its checksum", "another checksum");
        return named[4..];
    }
}
