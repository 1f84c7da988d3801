namespace CudaNet.IO;

/// <summary>Many small images of one size on one sheet, as samples and contact sheets are shown.</summary>
public static class ImageGrid
{
    /// <summary>Lays images out row by row, with a border around each.</summary>
    /// <param name="images">count × height × width × channels bytes.</param>
    /// <param name="height">Rows of one image.</param>
    /// <param name="width">Pixels per row of one image.</param>
    /// <param name="channels">1 or 3.</param>
    /// <param name="columns">Images per row of the sheet; 0 makes the sheet about square.</param>
    /// <param name="padding">Pixels between images and around the sheet.</param>
    /// <param name="background">The value of the padding and of unused places.</param>
    /// <exception cref="ArgumentException">There is no image, a size is out of range, or a part image is left over.</exception>
    public static Picture Tile(
        ReadOnlySpan<byte> images,
        int height,
        int width,
        int channels = 1,
        int columns = 0,
        int padding = 2,
        byte background = 64
    )
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(columns);
        ArgumentOutOfRangeException.ThrowIfNegative(padding);
        if (channels is not (1 or 3))
        {
            throw new ArgumentOutOfRangeException(nameof(channels), channels, "Images here have 1 or 3 channels.");
        }

        int stride = checked(width * channels);
        int size = checked(stride * height);
        if (images.IsEmpty || images.Length % size != 0)
        {
            throw new ArgumentException(
                $"Images of {height} x {width} x {channels} are {size} bytes each; {images.Length} bytes are not a "
                    + "positive multiple of that.",
                nameof(images)
            );
        }

        int count = images.Length / size;
        columns = columns == 0 ? (int)Math.Ceiling(Math.Sqrt(count)) : columns;
        int rows = (count + columns - 1) / columns;
        int sheetWidth = checked(padding + (columns * (width + padding)));
        int sheetHeight = checked(padding + (rows * (height + padding)));
        var sheet = new byte[checked(sheetWidth * sheetHeight * channels)];
        Array.Fill(sheet, background);
        for (int i = 0; i < count; i++)
        {
            int top = padding + (i / columns * (height + padding));
            int left = padding + (i % columns * (width + padding));
            for (int row = 0; row < height; row++)
            {
                ReadOnlySpan<byte> line = images.Slice((i * size) + (row * stride), stride);
                line.CopyTo(sheet.AsSpan((((top + row) * sheetWidth) + left) * channels));
            }
        }

        return new Picture(sheet, sheetWidth, sheetHeight, channels);
    }

    /// <summary>Pictures of one size side by side, with white between and around them.</summary>
    /// <param name="pictures">At least one.</param>
    /// <exception cref="ArgumentException">There is no picture, or their sizes differ.</exception>
    public static Picture Row(params IReadOnlyList<Picture> pictures)
    {
        if (pictures is not [var first, ..] || pictures.Any(p => p.Pixels.Length != first.Pixels.Length))
            throw new ArgumentException("pictures side by side need one size; expected at least one", nameof(pictures));
        byte[] pixels = [.. pictures.SelectMany(picture => picture.Pixels)];
        return Tile(pixels, first.Height, first.Width, first.Channels, pictures.Count, background: 255);
    }

    /// <summary>
    /// Real values as bytes: <paramref name="low"/> becomes 0, <paramref name="high"/> 255, rounded to the nearest;
    /// values outside are clamped and NaN becomes 0.
    /// </summary>
    /// <param name="values">Any number of values.</param>
    /// <param name="low">The value shown as black.</param>
    /// <param name="high">The value shown as white; above <paramref name="low"/>.</param>
    public static byte[] ToBytes(ReadOnlySpan<float> values, float low = 0f, float high = 1f)
    {
        if (!(high > low))
        {
            throw new ArgumentException($"high ({high}) must be above low ({low}).", nameof(high));
        }

        var bytes = new byte[values.Length];
        float scale = 255f / (high - low);
        for (int i = 0; i < values.Length; i++)
        {
            float scaled = (values[i] - low) * scale;
            bytes[i] = float.IsNaN(scaled) ? (byte)0 : (byte)(Math.Clamp(scaled, 0f, 255f) + 0.5f);
        }

        return bytes;
    }

    /// <summary>Reorders images from planes (count × channels × height × width, as tensors hold them) to pixels.</summary>
    /// <param name="planes">count × channels × height × width bytes.</param>
    /// <param name="channels">Planes per image, at least 1.</param>
    /// <param name="planeSize">height × width, at least 1.</param>
    /// <returns>count × height × width × channels bytes.</returns>
    public static byte[] PlanesToPixels(ReadOnlySpan<byte> planes, int channels, int planeSize)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(channels, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(planeSize, 1);
        int size = checked(channels * planeSize);
        if (planes.Length % size != 0)
        {
            throw new ArgumentException($"{planes.Length} bytes are not whole images of {size} bytes.", nameof(planes));
        }

        var pixels = new byte[planes.Length];
        for (int image = 0; image < planes.Length; image += size)
        {
            for (int channel = 0; channel < channels; channel++)
            {
                ReadOnlySpan<byte> plane = planes.Slice(image + (channel * planeSize), planeSize);
                for (int i = 0; i < planeSize; i++)
                {
                    pixels[image + (i * channels) + channel] = plane[i];
                }
            }
        }

        return pixels;
    }
}
