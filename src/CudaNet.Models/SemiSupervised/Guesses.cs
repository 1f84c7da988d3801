using CudaNet.Random;

namespace CudaNet.Models;

/// <summary>What semi-supervised methods make of a network's guesses about images that nobody has labelled.</summary>
public static class Guesses
{
    /// <summary>p_c^(1/T) / Σ p^(1/T): probabilities made surer (Berthelot et al., "MixMatch", 2019, equation 7).</summary>
    /// <param name="probabilities">(N, C), rows that sum to 1.</param>
    /// <param name="temperature">T above 0: 1 changes nothing, and towards 0 the largest becomes 1.</param>
    /// <exception cref="AttributeException">The temperature is not positive.</exception>
    public static Tensor Sharpen(Tensor probabilities, double temperature)
    {
        if (!(temperature > 0))
            throw new AttributeException($"Sharpen: expected a temperature above 0, got {temperature}");
        var powers = probabilities.Pow(1 / temperature);
        return powers / powers.Sum(1, keepDim: true);
    }

    /// <summary>The classes as rows with a 1: (N) i64 → (N, classes) f32.</summary>
    public static Tensor OneHot(Tensor labels, int classes) =>
        labels.Unsqueeze(1).Eq(Tensor.Arange(classes).Unsqueeze(0)).Cast(DType.Float32);

    /// <summary>−Σ_c q_c log softmax(logits)_c of each row, with probabilities as targets: (N).</summary>
    /// <param name="logits">(N, C).</param>
    /// <param name="targets">(N, C), rows that sum to 1.</param>
    public static Tensor SoftCrossEntropy(Tensor logits, Tensor targets) => -(targets * logits.LogSoftmax(1)).Sum(1);

    /// <summary>share · a + (1 − share) · b (Zhang et al., "mixup", 2018).</summary>
    public static Tensor MixUp(Tensor a, Tensor b, double share) => b.Lerp(a, share);

    /// <summary>
    /// A share from Beta(α, α), or its complement, whichever is larger, so that the first partner of a mixture dominates (MixMatch, equation 9). Drawn as Jöhnk (1964) does, which is
    /// quick for α up to 1.
    /// </summary>
    /// <param name="random">Where to draw from.</param>
    /// <param name="alpha">α, above 0.</param>
    /// <exception cref="AttributeException">α is not positive.</exception>
    public static double MixingShare(ref PhiloxStream random, double alpha)
    {
        if (!(alpha > 0))
            throw new AttributeException($"MixingShare: expected α above 0, got {alpha}");
        while (true)
        {
            var (x, y) = (Math.Pow(random.NextDouble(), 1 / alpha), Math.Pow(random.NextDouble(), 1 / alpha));
            if (x + y is > 0 and <= 1)
                return Math.Max(x, y) / (x + y);
        }
    }

    /// <summary>The numbers from 0 to count − 1 in random order, i64.</summary>
    public static Tensor Shuffle(ref PhiloxStream random, int count)
    {
        var order = new long[count];
        for (var i = 0; i < count; i++)
        {
            var place = random.NextInt(i + 1);
            order[i] = order[place];
            order[place] = i;
        }
        return Tensor.From(order);
    }
}
