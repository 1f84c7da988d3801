using System.Buffers.Binary;
using System.IO.Compression;

namespace CudaNet.IO;

/// <summary>The header of a PNG file.</summary>
internal sealed record PngHeader(int Width, int Height, int Depth, int ColourType)
{
    public const int Grey = 0;
    public const int Rgb = 2;
    public const int Indexed = 3;
    public const int GreyAlpha = 4;
    public const int RgbAlpha = 6;

    private const long MaxPixels = 1 << 26;

    /// <summary>Samples per pixel.</summary>
    public int Samples =>
        ColourType switch
        {
            Rgb => 3,
            GreyAlpha => 2,
            RgbAlpha => 4,
            _ => 1,
        };

    public static PngHeader Parse(ReadOnlySpan<byte> body, string source)
    {
        if (body.Length != 13)
            throw new CorruptFileException(source, "IHDR", "13 bytes", $"{body.Length}");
        var (width, height) = (
            BinaryPrimitives.ReadUInt32BigEndian(body),
            BinaryPrimitives.ReadUInt32BigEndian(body[4..])
        );
        if (width == 0 || height == 0 || (ulong)width * height > MaxPixels)
            throw new CorruptFileException(source, "IHDR", $"1 to {MaxPixels} pixels", $"{width} × {height}");
        var (depth, colour) = (body[8], body[9]);
        var isKnown = colour switch
        {
            Grey => depth is 1 or 2 or 4 or 8 or 16,
            Indexed => depth is 1 or 2 or 4 or 8,
            Rgb or GreyAlpha or RgbAlpha => depth is 8 or 16,
            _ => false,
        };
        if (!isKnown || body[10] != 0 || body[11] != 0)
            throw new CorruptFileException(
                source,
                "IHDR",
                "a colour type and depth of PNG",
                $"type {colour}, depth {depth}"
            );
        if (body[12] != 0)
            throw new CorruptFileException(
                source,
                "IHDR",
                "an image without interlacing",
                "an interlaced one",
                "Save it again without interlacing."
            );
        return new((int)width, (int)height, depth, colour);
    }
}

/// <summary>From the compressed rows of a PNG file to pixels.</summary>
internal sealed class PngPixels(PngHeader header, byte[] palette, byte[] alpha, string source)
{
    private const byte Opaque = 255;

    // What a picture may take before its data have come is this, or as much as the file.
    private const int FirstPixels = 1 << 16;

    /// <summary>Inflates and unfilters the rows, and shows them as greyscale or RGB on white.</summary>
    public Picture Decode(byte[] compressed)
    {
        var bits = header.Samples * header.Depth;
        var stride = (int)(((long)header.Width * bits + 7) / 8);
        var pixelBytes = Math.Max(1, bits / 8);
        var channels = header.ColourType is PngHeader.Grey or PngHeader.GreyAlpha ? 1 : 3;
        var width = header.Width * channels;
        // Memory follows the rows that come, not the size that the header claims.
        var pixels = new byte[Math.Min(width * header.Height, Math.Max(FirstPixels, 4 * (long)compressed.Length))];
        using var plain = new ZLibStream(new MemoryStream(compressed), CompressionMode.Decompress);
        try
        {
            byte[] row = [];
            byte[] above = [];
            for (var y = 0; y < header.Height; y++)
            {
                var filter = plain.ReadByte();
                if (y == 0)
                {
                    row = BoundedReader.ReadUpTo(plain, stride);
                    if (row.Length < stride)
                        throw new EndOfStreamException();
                    above = new byte[stride];
                }
                else
                {
                    plain.ReadExactly(row);
                }
                Unfilter(filter, row, above, pixelBytes);
                if ((y + 1) * width > pixels.Length)
                {
                    var size = Math.Max((y + 1L) * width, 2L * pixels.Length);
                    Array.Resize(ref pixels, (int)Math.Min(size, width * header.Height));
                }
                for (var x = 0; x < header.Width; x++)
                    Show(row, x, pixels.AsSpan(y * width + x * channels, channels));
                (row, above) = (above, row);
            }
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException)
        {
            throw new CorruptFileException(
                source,
                "IDAT",
                $"{header.Height} whole rows",
                "damaged or missing data",
                inner: e
            );
        }
        return new Picture(pixels, header.Width, header.Height, channels);
    }

    private void Unfilter(int filter, byte[] row, byte[] above, int pixelBytes)
    {
        for (var i = 0; i < row.Length; i++)
        {
            var (left, up) = (i < pixelBytes ? 0 : row[i - pixelBytes], above[i]);
            var corner = i < pixelBytes ? 0 : above[i - pixelBytes];
            row[i] += filter switch
            {
                0 => 0,
                1 => (byte)left,
                2 => up,
                3 => (byte)((left + up) / 2),
                4 => (byte)Paeth(left, up, corner),
                _ => throw new CorruptFileException(source, "IDAT", "a filter from 0 to 4", $"{filter}"),
            };
        }
    }

    /// <summary>The neighbour that is nearest to left + up − corner; section 9.4.</summary>
    private static int Paeth(int left, int up, int corner)
    {
        var estimate = left + up - corner;
        var (a, b, c) = (Math.Abs(estimate - left), Math.Abs(estimate - up), Math.Abs(estimate - corner));
        return a <= b && a <= c ? left
            : b <= c ? up
            : corner;
    }

    private void Show(byte[] row, int x, Span<byte> pixel)
    {
        switch (header.ColourType)
        {
            case PngHeader.Grey:
                pixel[0] = OnWhite(Sample(row, x), IsKeyed(row, x) ? (byte)0 : Opaque);
                break;
            case PngHeader.GreyAlpha:
                pixel[0] = OnWhite(Sample(row, 2 * x), Sample(row, 2 * x + 1));
                break;
            case PngHeader.Indexed:
                var entry = Raw(row, x);
                if (3 * entry + 2 >= palette.Length)
                    throw new CorruptFileException(source, "IDAT", $"colours below {palette.Length / 3}", $"{entry}");
                for (var c = 0; c < 3; c++)
                    pixel[c] = OnWhite(palette[3 * entry + c], entry < alpha.Length ? alpha[entry] : Opaque);
                break;
            default:
                var first = header.Samples * x;
                var cover =
                    header.ColourType == PngHeader.RgbAlpha ? Sample(row, first + 3)
                    : IsKeyed(row, first) ? (byte)0
                    : Opaque;
                for (var c = 0; c < 3; c++)
                    pixel[c] = OnWhite(Sample(row, first + c), cover);
                break;
        }
    }

    /// <summary>Whether the samples from here on are the one colour that tRNS declares transparent.</summary>
    private bool IsKeyed(byte[] row, int sample)
    {
        if (alpha.Length < 2 * header.Samples)
            return false;
        for (var c = 0; c < header.Samples; c++)
            if (Raw(row, sample + c) != BinaryPrimitives.ReadUInt16BigEndian(alpha.AsSpan(2 * c)))
                return false;
        return true;
    }

    private int Raw(byte[] row, int sample)
    {
        if (header.Depth == 16)
            return BinaryPrimitives.ReadUInt16BigEndian(row.AsSpan(2 * sample));
        var bit = sample * header.Depth;
        return (row[bit / 8] >> (8 - header.Depth - bit % 8)) & ((1 << header.Depth) - 1);
    }

    private byte Sample(byte[] row, int sample) =>
        header.Depth switch
        {
            16 => row[2 * sample],
            8 => row[sample],
            _ => (byte)(Raw(row, sample) * 255 / ((1 << header.Depth) - 1)),
        };

    private static byte OnWhite(int value, int cover) => (byte)((value * cover + 255 * (255 - cover) + 127) / 255);
}
