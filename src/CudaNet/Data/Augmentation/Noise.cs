using CudaNet.Random;

namespace CudaNet.Data;

/// <summary>Blurs the image with a Gaussian; the border continues outwards.</summary>
/// <param name="SigmaLow">The least standard deviation in pixels; 0 leaves the image as it is.</param>
/// <param name="SigmaHigh">The greatest.</param>
public sealed record GaussianBlur(double SigmaLow = 0, double SigmaHigh = 1) : IAugmentation
{
    /// <inheritdoc/>
    public void Apply(ImageCanvas image, ref PhiloxStream random)
    {
        if (!(SigmaLow >= 0 && SigmaLow <= SigmaHigh))
            throw new ArgumentException($"deviations from {SigmaLow} to {SigmaHigh}: expected 0 ≤ low ≤ high");
        var sigma = Augmentation.Between(ref random, SigmaLow, SigmaHigh);
        // Narrower ones give the neighbours less than a part in 10^20.
        if (sigma < 0.1)
            return;
        var radius = Math.Min((int)Math.Ceiling(3 * sigma), Math.Max(image.Height, image.Width));
        Span<float> weights = stackalloc float[radius + 1];
        Weigh(weights, sigma);
        Smooth(image, weights, image.Width, 1, image.Height, image.Width);
        Smooth(image, weights, image.Height, image.Width, image.Width, 1);
    }

    private static void Weigh(Span<float> weights, double sigma)
    {
        var sum = 0.0;
        for (var i = 0; i < weights.Length; i++)
            sum += (i == 0 ? 1 : 2) * Math.Exp(-i * i / (2 * sigma * sigma));
        for (var i = 0; i < weights.Length; i++)
            weights[i] = (float)(Math.Exp(-i * i / (2 * sigma * sigma)) / sum);
    }

    /// <summary>Along one axis: <paramref name="lines"/> lines of <paramref name="length"/> pixels.</summary>
    private static void Smooth(
        ImageCanvas image,
        ReadOnlySpan<float> weights,
        int length,
        int step,
        int lines,
        int lineStep
    )
    {
        var plane = image.Height * image.Width;
        var old = image.Pixels;
        var target = image.Spare;
        for (var line = 0; line < image.Channels * lines; line++)
        {
            var start = line / lines * plane + line % lines * lineStep;
            for (var at = 0; at < length; at++)
            {
                var sum = weights[0] * old[start + at * step];
                for (var i = 1; i < weights.Length; i++)
                {
                    var (before, after) = (Math.Max(at - i, 0), Math.Min(at + i, length - 1));
                    sum += weights[i] * (old[start + before * step] + old[start + after * step]);
                }
                target[start + at * step] = Math.Clamp(sum, 0, 1);
            }
        }
        image.Swap();
    }
}

/// <summary>Makes single pixels black or white.</summary>
/// <param name="Share">Of the pixels, half of which become black.</param>
public sealed record SaltAndPepper(double Share = 0.02) : IAugmentation
{
    /// <inheritdoc/>
    public void Apply(ImageCanvas image, ref PhiloxStream random)
    {
        Augmentation.CheckProbability(Share, nameof(Share));
        var plane = image.Height * image.Width;
        for (var i = 0; i < plane; i++)
        {
            var draw = random.NextDouble();
            if (draw >= Share)
                continue;
            for (var channel = 0; channel < image.Channels; channel++)
                image.Pixels[channel * plane + i] = draw < Share / 2 ? 0 : 1;
        }
    }
}

/// <summary>Makes one channel, chosen at random, a constant; images of one channel stay as they are.</summary>
/// <param name="Probability">How often.</param>
/// <param name="Fill">The constant.</param>
public sealed record ChannelDrop(double Probability = 0.1, double Fill = 0) : IAugmentation
{
    /// <inheritdoc/>
    public void Apply(ImageCanvas image, ref PhiloxStream random)
    {
        Augmentation.CheckProbability(Probability, nameof(Probability));
        var isDropped = random.NextDouble() < Probability;
        var channel = random.NextInt(image.Channels);
        if (isDropped && image.Channels > 1)
            image.Plane(channel).Fill((float)Fill);
    }
}
