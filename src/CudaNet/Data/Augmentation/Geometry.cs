using CudaNet.Random;

namespace CudaNet.Data;

/// <summary>Mirrors the image, left to right.</summary>
/// <param name="Probability">How often.</param>
public sealed record HorizontalFlip(double Probability = 0.5) : IAugmentation
{
    /// <inheritdoc/>
    public void Apply(ImageCanvas image, ref PhiloxStream random)
    {
        Augmentation.CheckProbability(Probability, nameof(Probability));
        if (random.NextDouble() >= Probability)
            return;
        for (var start = 0; start < image.Pixels.Length; start += image.Width)
            image.Pixels.Slice(start, image.Width).Reverse();
    }
}

/// <summary>Mirrors the image, top to bottom.</summary>
/// <param name="Probability">How often.</param>
public sealed record VerticalFlip(double Probability = 0.5) : IAugmentation
{
    /// <inheritdoc/>
    public void Apply(ImageCanvas image, ref PhiloxStream random)
    {
        Augmentation.CheckProbability(Probability, nameof(Probability));
        if (random.NextDouble() >= Probability)
            return;
        for (var row = 0; row < image.Channels * image.Height; row++)
        {
            var (channel, y) = (row / image.Height, row % image.Height);
            var other = channel * image.Height + image.Height - 1 - y;
            image.Pixels.Slice(row * image.Width, image.Width).CopyTo(image.Spare[(other * image.Width)..]);
        }
        image.Swap();
    }
}

/// <summary>What an image continues with beyond its border.</summary>
public enum Beyond
{
    /// <summary>One value.</summary>
    Fill,

    /// <summary>The image mirrored at its outermost pixels.</summary>
    Reflect,
}

/// <summary>
/// Adds a border and cuts the old size out of it at a random place: He et al., "Deep residual learning for image recognition", 2016, section 4.2.
/// </summary>
/// <param name="Padding">Pixels of the border on each side; smaller than the image if it is to be reflected.</param>
/// <param name="Beyond">What the border shows.</param>
/// <param name="Fill">Its value.</param>
public sealed record RandomCrop(int Padding, Beyond Beyond = Beyond.Fill, double Fill = 0) : IAugmentation
{
    /// <inheritdoc/>
    public void Apply(ImageCanvas image, ref PhiloxStream random)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(Padding);
        if (Beyond == Beyond.Reflect)
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(Padding, Math.Min(image.Height, image.Width));
        var shiftX = random.NextInt(2 * Padding + 1) - Padding;
        var shiftY = random.NextInt(2 * Padding + 1) - Padding;
        var (height, width) = (image.Height, image.Width);
        for (var channel = 0; channel < image.Channels; channel++)
        {
            var old = image.Plane(channel);
            var target = image.Spare.Slice(channel * height * width, height * width);
            for (var y = 0; y < height; y++)
            for (var x = 0; x < width; x++)
                target[y * width + x] = At(old, x + shiftX, y + shiftY, width, height);
        }
        image.Swap();
    }

    private float At(ReadOnlySpan<float> plane, int x, int y, int width, int height)
    {
        if (Beyond == Beyond.Reflect)
            (x, y) = (Reflect(x, width), Reflect(y, height));
        return (uint)x < (uint)width && (uint)y < (uint)height ? plane[y * width + x] : (float)Fill;
    }

    private static int Reflect(int at, int extent) =>
        at < 0 ? -at
        : at >= extent ? 2 * (extent - 1) - at
        : at;
}

/// <summary>Turns, moves, scales and shears the image about its middle, with bilinear interpolation.</summary>
/// <param name="Degrees">Turns by up to this, either way.</param>
/// <param name="Translate">Moves by up to this share of the width and of the height, either way.</param>
/// <param name="ScaleLow">The least scale; below 1 the image becomes smaller.</param>
/// <param name="ScaleHigh">The greatest scale.</param>
/// <param name="ShearX">Moves a row by up to this times its distance from the middle, either way.</param>
/// <param name="ShearY">Moves a column likewise.</param>
/// <param name="Fill">The value of what comes from outside.</param>
public sealed record RandomAffine(
    double Degrees = 0,
    double Translate = 0,
    double ScaleLow = 1,
    double ScaleHigh = 1,
    double ShearX = 0,
    double ShearY = 0,
    double Fill = 0
) : IAugmentation
{
    /// <inheritdoc/>
    public void Apply(ImageCanvas image, ref PhiloxStream random)
    {
        if (!(ScaleLow > 0 && ScaleLow <= ScaleHigh))
            throw new ArgumentException($"scales from {ScaleLow} to {ScaleHigh}: expected 0 < low ≤ high");
        var angle = Augmentation.Between(ref random, -Degrees, Degrees);
        var scale = Augmentation.Between(ref random, ScaleLow, ScaleHigh);
        var shearX = Augmentation.Between(ref random, -ShearX, ShearX);
        var shearY = Augmentation.Between(ref random, -ShearY, ShearY);
        var moveX = Augmentation.Between(ref random, -Translate, Translate) * image.Width;
        var moveY = Augmentation.Between(ref random, -Translate, Translate) * image.Height;
        Move(image, angle, scale, shearX, shearY, moveX, moveY, (float)Fill);
    }

    /// <summary>Scales, shears and turns, in this order, and then moves.</summary>
    internal static void Move(
        ImageCanvas image,
        double degrees,
        double scale,
        double shearX,
        double shearY,
        double moveX,
        double moveY,
        float fill
    )
    {
        var (sin, cos) = double.SinCosPi(degrees / 180);
        // Forwards: x' = R·H·s·x + t with H = [1 shearX; shearY 1]. The pixels ask where they come from, so the matrix is inverted.
        var (xx, xy) = (scale * (cos - sin * shearY), scale * (cos * shearX - sin));
        var (yx, yy) = (scale * (sin + cos * shearY), scale * (sin * shearX + cos));
        var determinant = xx * yy - xy * yx;
        if (Math.Abs(determinant) < 1e-6)
            throw new ArgumentException($"shears of {shearX} and {shearY} make the image a line; choose smaller ones");
        var inverse = new AffineMapping(
            yy / determinant,
            -xy / determinant,
            -yx / determinant,
            xx / determinant,
            ShiftX: -(yy * moveX - xy * moveY) / determinant,
            ShiftY: -(xx * moveY - yx * moveX) / determinant
        );
        Resampling.Apply(image, inverse, fill);
    }
}

/// <summary>
/// Bends the image as a lens does, by the first radial term: D. C. Brown, "Decentering distortion of lenses", 1966. The radius is in halves of the diagonal.
/// </summary>
/// <param name="Strength">The coefficient is up to this, either way; at 0.3 the corners move by 30 % of their distance from the middle.</param>
/// <param name="Fill">The value of what comes from outside.</param>
public sealed record LensDistortion(double Strength = 0.3, double Fill = 0) : IAugmentation
{
    /// <inheritdoc/>
    public void Apply(ImageCanvas image, ref PhiloxStream random)
    {
        var strength = Augmentation.Between(ref random, -Strength, Strength);
        var radius = Math.Max(0.5, Math.Sqrt(Square(image.Width - 1) + Square(image.Height - 1)) / 2);
        Resampling.Apply(image, new RadialMapping(strength, radius), (float)Fill);
    }

    private static double Square(double x) => x * x;
}
