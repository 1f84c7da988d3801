namespace CudaNet.IO;

/// <summary>An image in memory.</summary>
/// <param name="Pixels">Rows from the top, height × width × channels bytes, 0 dark to 255 bright.</param>
/// <param name="Width">Pixels per row.</param>
/// <param name="Height">Rows.</param>
/// <param name="Channels">1 for greyscale, 3 for RGB.</param>
public sealed record Picture(byte[] Pixels, int Width, int Height, int Channels = 1)
{
    /// <summary>The bytes of a PNG file.</summary>
    public byte[] ToPng() => PngWriter.Encode(Pixels, Width, Height, Channels);

    /// <summary>Writes a PNG file.</summary>
    /// <param name="path">The file; an old one is replaced as a whole.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public void WritePng(string path) => PngWriter.Write(path, Pixels, Width, Height, Channels);

    /// <summary>The same picture with each pixel as a square of <paramref name="factor"/> × <paramref name="factor"/>.</summary>
    /// <param name="factor">At least 1.</param>
    public Picture Enlarge(int factor)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(factor, 1);
        var (width, height) = (checked(Width * factor), checked(Height * factor));
        var pixels = new byte[checked(width * height * Channels)];
        for (var y = 0; y < height; y++)
        for (var x = 0; x < width; x++)
            At(x / factor, y / factor).CopyTo(pixels.AsSpan((y * width + x) * Channels));
        return new Picture(pixels, width, height, Channels);
    }

    /// <summary>The picture in RGB with a frame around it.</summary>
    /// <param name="thickness">Of the frame, in pixels.</param>
    /// <param name="red">The frame's red, 0 to 255.</param>
    /// <param name="green">The frame's green, 0 to 255.</param>
    /// <param name="blue">The frame's blue, 0 to 255.</param>
    public Picture Frame(int thickness, byte red, byte green, byte blue)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(thickness);
        var (width, height) = (Width + 2 * thickness, Height + 2 * thickness);
        var pixels = new byte[checked(width * height * 3)];
        for (var y = 0; y < height; y++)
        for (var x = 0; x < width; x++)
        {
            var (innerX, innerY) = (x - thickness, y - thickness);
            var isInside = innerX >= 0 && innerX < Width && innerY >= 0 && innerY < Height;
            ReadOnlySpan<byte> colour = isInside ? At(innerX, innerY) : [red, green, blue];
            for (var channel = 0; channel < 3; channel++)
                pixels[(y * width + x) * 3 + channel] = colour[Math.Min(channel, colour.Length - 1)];
        }
        return new Picture(pixels, width, height, 3);
    }

    private ReadOnlySpan<byte> At(int x, int y) => Pixels.AsSpan((y * Width + x) * Channels, Channels);
}
