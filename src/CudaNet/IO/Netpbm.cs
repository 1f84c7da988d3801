using System.Buffers.Binary;

namespace CudaNet.IO;

/// <summary>
/// Reads greyscale and RGB images of the Netpbm family: PGM and PPM, as text (P2, P3) or binary (P5, P6), with up to 16 bits per sample.
/// Source: the manual pages pgm(5) and ppm(5) of Netpbm.
/// </summary>
public static class Netpbm
{
    private const long MaxPixels = 1 << 26;

    /// <summary>Whether contents begin as such a file does.</summary>
    public static bool IsNetpbm(ReadOnlySpan<byte> contents) =>
        contents is [(byte)'P', (byte)'2' or (byte)'3' or (byte)'5' or (byte)'6', ..];

    /// <summary>Reads an image file.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="CorruptFileException">The contents break the format or have over 2^26 pixels.</exception>
    public static Picture Read(string path) => Read(File.ReadAllBytes(path), path);

    /// <summary>Reads the contents of an image file; samples are scaled to 0 to 255.</summary>
    /// <param name="contents">The contents.</param>
    /// <param name="source">What to call them in messages.</param>
    /// <exception cref="CorruptFileException">As for <see cref="Read(string)"/>.</exception>
    public static Picture Read(ReadOnlySpan<byte> contents, string source = "netpbm data")
    {
        if (!IsNetpbm(contents))
            throw new CorruptFileException(source, "offset 0", "P2, P3, P5 or P6", "other bytes");
        var reader = new Reader(contents, source) { At = 2 };
        var channels = contents[1] is (byte)'3' or (byte)'6' ? 3 : 1;
        var isText = contents[1] is (byte)'2' or (byte)'3';
        var (width, height) = (reader.Number("width"), reader.Number("height"));
        var most = reader.Number("maximum");
        if (width == 0 || height == 0 || (long)width * height > MaxPixels)
            throw new CorruptFileException(source, "header", $"1 to {MaxPixels} pixels", $"{width} × {height}");
        if (most is 0 or > ushort.MaxValue)
            throw new CorruptFileException(source, "header", "a maximum of 1 to 65535", $"{most}");
        // One byte of white space ends the header.
        reader.At += isText ? 0 : 1;
        var count = width * height * channels;
        var sampleBytes = most > byte.MaxValue ? 2 : 1;
        // As text, a sample takes a digit and a space, of which the last may be missing.
        var needed = isText ? 2L * count - 1 : (long)count * sampleBytes;
        var left = contents.Length - reader.At;
        if (left < needed)
            throw new CorruptFileException(source, $"offset {reader.At}", $"{needed} bytes of pixels", $"{left}");
        var pixels = new byte[count];
        for (var i = 0; i < count; i++)
        {
            var sample = isText ? reader.Number("sample") : reader.Binary(sampleBytes);
            if (sample > most)
                throw new CorruptFileException(source, $"sample {i}", $"at most {most}", $"{sample}");
            pixels[i] = most == byte.MaxValue ? (byte)sample : (byte)((sample * 255 + most / 2) / most);
        }
        return new Picture(pixels, width, height, channels);
    }

    private ref struct Reader(ReadOnlySpan<byte> contents, string source)
    {
        private readonly ReadOnlySpan<byte> _contents = contents;

        public int At;

        /// <summary>The next whole number of the text, after white space and comments.</summary>
        public int Number(string what)
        {
            while (At < _contents.Length && (char.IsWhiteSpace((char)_contents[At]) || _contents[At] == '#'))
            {
                var comment = _contents[At] == '#' ? _contents[At..].IndexOf((byte)'\n') : 0;
                At = comment < 0 ? _contents.Length : At + comment + 1;
            }
            var start = At;
            long value = 0;
            for (; At < _contents.Length && char.IsAsciiDigit((char)_contents[At]); At++)
            {
                value = 10 * value + (_contents[At] - '0');
                if (value > int.MaxValue)
                    throw new CorruptFileException(source, $"offset {start}", $"a {what} below 2^31", "more");
            }
            return At > start
                ? (int)value
                : throw new CorruptFileException(
                    source,
                    $"offset {start}",
                    $"a {what} in digits",
                    At < _contents.Length ? $"byte 0x{_contents[At]:x2}" : "the end of the file"
                );
        }

        public int Binary(int bytes)
        {
            At += bytes;
            return bytes == 1 ? _contents[At - 1] : BinaryPrimitives.ReadUInt16BigEndian(_contents[(At - 2)..]);
        }
    }
}
