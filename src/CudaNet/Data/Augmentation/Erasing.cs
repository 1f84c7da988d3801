using CudaNet.Random;

namespace CudaNet.Data;

/// <summary>
/// Makes a rectangle of random size, shape and place a constant: Zhong et al., "Random erasing data augmentation", 2017.
/// </summary>
/// <param name="Probability">How often.</param>
/// <param name="AreaLow">The least share of the image.</param>
/// <param name="AreaHigh">The greatest share.</param>
/// <param name="Aspect">Height to width is between this and its inverse.</param>
/// <param name="Fill">The constant.</param>
public sealed record RandomErasing(
    double Probability = 0.5,
    double AreaLow = 0.02,
    double AreaHigh = 0.33,
    double Aspect = 0.3,
    double Fill = 0
) : IAugmentation
{
    private const int Attempts = 10;

    /// <inheritdoc/>
    public void Apply(ImageCanvas image, ref PhiloxStream random)
    {
        Augmentation.CheckProbability(Probability, nameof(Probability));
        if (!(AreaLow >= 0 && AreaLow <= AreaHigh && AreaHigh <= 1 && Aspect > 0))
            throw new ArgumentException(
                $"areas from {AreaLow} to {AreaHigh} and aspect {Aspect}: expected 0 ≤ low ≤ high ≤ 1 and an aspect above 0"
            );
        if (random.NextDouble() >= Probability)
            return;
        // A rectangle that is too long for the image is drawn again, as in the paper.
        for (var attempt = 0; attempt < Attempts; attempt++)
        {
            var area = Augmentation.Between(ref random, AreaLow, AreaHigh) * image.Height * image.Width;
            var aspect = Math.Exp(Augmentation.Between(ref random, Math.Log(Aspect), -Math.Log(Aspect)));
            var height = (int)Math.Round(Math.Sqrt(area * aspect));
            var width = (int)Math.Round(Math.Sqrt(area / aspect));
            if (height >= image.Height || width >= image.Width)
                continue;
            var top = random.NextInt(image.Height - height + 1);
            var left = random.NextInt(image.Width - width + 1);
            Rectangles.Fill(image, top, left, height, width, (float)Fill);
            return;
        }
    }
}

/// <summary>
/// Makes a square that is centred anywhere in the image a constant, as much of it as lies in the image: DeVries and Taylor, "Improved regularization of convolutional neural
/// networks with cutout", 2017.
/// </summary>
/// <param name="Low">The least side, as a share of the smaller extent of the image.</param>
/// <param name="High">The greatest side; FixMatch draws from 0 to a half.</param>
/// <param name="Fill">The constant.</param>
public sealed record Cutout(double Low = 0, double High = 0.5, double Fill = 0.5) : IAugmentation
{
    /// <inheritdoc/>
    public void Apply(ImageCanvas image, ref PhiloxStream random)
    {
        if (!(Low >= 0 && Low <= High))
            throw new ArgumentException($"sides from {Low} to {High}: expected 0 ≤ low ≤ high");
        var share = Augmentation.Between(ref random, Low, High);
        var side = (int)Math.Round(share * Math.Min(image.Height, image.Width));
        var top = random.NextInt(image.Height) - side / 2;
        var left = random.NextInt(image.Width) - side / 2;
        Rectangles.Fill(image, top, left, side, side, (float)Fill);
    }
}

internal static class Rectangles
{
    /// <summary>Fills as much of a rectangle as lies in the image, in all channels.</summary>
    public static void Fill(ImageCanvas image, int top, int left, int height, int width, float value)
    {
        var (firstX, lastX) = (Math.Max(left, 0), Math.Min(left + width, image.Width));
        if (lastX <= firstX)
            return;
        for (var channel = 0; channel < image.Channels; channel++)
        for (var y = Math.Max(top, 0); y < Math.Min(top + height, image.Height); y++)
            image.Plane(channel)[(y * image.Width + firstX)..(y * image.Width + lastX)].Fill(value);
    }
}
