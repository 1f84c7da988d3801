namespace CudaNet.Data;

/// <summary>From a pixel of the new image to the place in the old one that it shows, both relative to the middle of the image, in pixels.</summary>
internal interface IMapping
{
    (double X, double Y) Source(double x, double y);
}

/// <summary>x' = A·x + b, given as the map from new to old.</summary>
internal readonly record struct AffineMapping(double Xx, double Xy, double Yx, double Yy, double ShiftX, double ShiftY)
    : IMapping
{
    public (double X, double Y) Source(double x, double y) => (Xx * x + Xy * y + ShiftX, Yx * x + Yy * y + ShiftY);
}

/// <summary>The first radial term of lens distortion: r' = r·(1 + k·(r / R)²).</summary>
/// <param name="Strength">k; above 0 the image bulges inwards (pincushion), below 0 outwards (barrel).</param>
/// <param name="Radius">R.</param>
internal readonly record struct RadialMapping(double Strength, double Radius) : IMapping
{
    public (double X, double Y) Source(double x, double y)
    {
        var factor = 1 + Strength * (x * x + y * y) / (Radius * Radius);
        return (x * factor, y * factor);
    }
}

/// <summary>Images moved by a map, with bilinear interpolation.</summary>
internal static class Resampling
{
    /// <summary>Replaces an image by the moved one.</summary>
    /// <param name="image">The image.</param>
    /// <param name="mapping">From new places to old ones.</param>
    /// <param name="fill">The value of what lies outside.</param>
    public static void Apply<TMapping>(ImageCanvas image, TMapping mapping, float fill)
        where TMapping : struct, IMapping
    {
        var (height, width) = (image.Height, image.Width);
        var (middleX, middleY) = ((width - 1) / 2.0, (height - 1) / 2.0);
        var plane = height * width;
        var old = image.Pixels;
        var target = image.Spare;
        for (var y = 0; y < height; y++)
        for (var x = 0; x < width; x++)
        {
            var source = mapping.Source(x - middleX, y - middleY);
            var (sourceX, sourceY) = (source.X + middleX, source.Y + middleY);
            // Beyond the border by a pixel or more there is nothing to mix; also keeps the conversions below in range.
            var isNear = sourceX > -1 && sourceX < width && sourceY > -1 && sourceY < height;
            var (left, top) = isNear ? ((int)Math.Floor(sourceX), (int)Math.Floor(sourceY)) : (0, 0);
            var (shareX, shareY) = ((float)(sourceX - left), (float)(sourceY - top));
            for (var channel = 0; channel < image.Channels; channel++)
            {
                var from = old.Slice(channel * plane, plane);
                target[channel * plane + y * width + x] = isNear
                    ? Mix(
                        Mix(At(from, left, top), At(from, left + 1, top), shareX),
                        Mix(At(from, left, top + 1), At(from, left + 1, top + 1), shareX),
                        shareY
                    )
                    : fill;
            }
        }
        image.Swap();

        float At(ReadOnlySpan<float> from, int x, int y) =>
            (uint)x < (uint)width && (uint)y < (uint)height ? from[y * width + x] : fill;
    }

    // Exact at both ends, so that a map that moves nothing changes nothing.
    private static float Mix(float a, float b, float share) => share == 0 ? a : a + (b - a) * share;
}
