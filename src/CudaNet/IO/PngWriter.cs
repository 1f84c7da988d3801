using System.Buffers.Binary;
using System.IO.Compression;

namespace CudaNet.IO;

/// <summary>
/// Writes 8-bit greyscale and RGB images as PNG. Source: ISO/IEC 15948:2003, "Portable Network Graphics".
/// </summary>
public static class PngWriter
{
    /// <summary>Writes an image file, replacing an old one as a whole.</summary>
    /// <param name="path">The file.</param>
    /// <param name="pixels">Rows from the top, height × width × channels bytes, 0 dark to 255 bright.</param>
    /// <param name="width">Pixels per row, at least 1.</param>
    /// <param name="height">Rows, at least 1.</param>
    /// <param name="channels">1 for greyscale, 3 for red, green, blue.</param>
    /// <exception cref="ArgumentException">A size is below 1, channels is not 1 or 3, or the pixel count differs.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Write(string path, ReadOnlySpan<byte> pixels, int width, int height, int channels = 1)
    {
        byte[] png = Encode(pixels, width, height, channels);
        AtomicFile.WriteAllBytes(path, png);
    }

    /// <summary>The bytes of a PNG file, as for a data URI in a report.</summary>
    /// <inheritdoc cref="Write" path="/param"/>
    /// <exception cref="ArgumentException">A size is below 1, channels is not 1 or 3, or the pixel count differs.</exception>
    public static byte[] Encode(ReadOnlySpan<byte> pixels, int width, int height, int channels = 1)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        if (channels is not (1 or 3))
        {
            throw new ArgumentOutOfRangeException(nameof(channels), channels, "PNG images here have 1 or 3 channels.");
        }

        if (pixels.Length != (long)width * height * channels)
        {
            throw new ArgumentException(
                $"{height} x {width} pixels of {channels} channel(s) are {(long)width * height * channels} bytes; "
                    + $"{pixels.Length} were given.",
                nameof(pixels)
            );
        }

        using var png = new MemoryStream();
        png.Write([0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A]);

        Span<byte> header = stackalloc byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header[4..], height);
        header[8] = 8; // bits per sample
        header[9] = (byte)(channels == 1 ? 0 : 2); // colour type: greyscale or truecolour
        header[10..].Clear(); // deflate, adaptive filtering, no interlace
        WriteChunk(png, "IHDR"u8, header);

        using var data = new MemoryStream();
        using (var deflate = new ZLibStream(data, CompressionLevel.Optimal, leaveOpen: true))
        {
            int stride = width * channels;
            for (int row = 0; row < height; row++)
            {
                deflate.WriteByte(0); // filter "none": generated samples are noisy, where filters gain little
                deflate.Write(pixels.Slice(row * stride, stride));
            }
        }

        WriteChunk(png, "IDAT"u8, data.GetBuffer().AsSpan(0, (int)data.Length));
        WriteChunk(png, "IEND"u8, []);
        return png.ToArray();
    }

    private static void WriteChunk(MemoryStream png, ReadOnlySpan<byte> type, ReadOnlySpan<byte> data)
    {
        Span<byte> word = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(word, data.Length);
        png.Write(word);
        png.Write(type);
        png.Write(data);
        BinaryPrimitives.WriteUInt32BigEndian(word, Crc32.Append(Crc32.Append(0, type), data));
        png.Write(word);
    }
}
