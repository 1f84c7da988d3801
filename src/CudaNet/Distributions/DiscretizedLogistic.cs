namespace CudaNet.Distributions;

/// <summary>
/// A logistic distribution rounded to evenly spaced levels on [−1, 1], the outer ones taking what lies beyond: the component of PixelCNN++'s mixtures
/// (Salimans et al. 2017).
/// </summary>
public sealed class DiscretizedLogistic : Distribution
{
    private readonly Logistic _continuous;
    private readonly double _half;

    /// <summary>A distribution over levels.</summary>
    /// <param name="loc">The mean before rounding.</param>
    /// <param name="logScale">The logarithm of the width before rounding.</param>
    /// <param name="levels">How many levels there are, such as 256 for bytes.</param>
    /// <exception cref="AttributeException">There are fewer than two levels.</exception>
    public DiscretizedLogistic(Tensor loc, Tensor logScale, int levels = 256)
        : base(Shape.Scalar, (loc, 0), (logScale, 0))
    {
        if (levels < 2)
            throw new AttributeException($"DiscretizedLogistic: expected at least two levels, got {levels}");
        _half = 1.0 / (levels - 1);
        _continuous = new Logistic(loc, logScale.Exp());
    }

    /// <summary>The mean before rounding.</summary>
    public override Tensor Mean => _continuous.Mean;

    /// <summary>The variance before rounding.</summary>
    public override Tensor Variance => _continuous.Variance;

    /// <summary>
    /// log(σ(a) − σ(b)) at the edges a and b of a level, as log σ(a) + log σ(−b) + log(1 − e^(b − a)), which keeps its digits where both sigmoids are near 0
    /// or 1.
    /// </summary>
    public override Tensor LogProb(Tensor value)
    {
        var (loc, scale) = (_continuous.Loc, _continuous.Scale);
        var above = -Bernoulli.Softplus(-((value - loc + _half) / scale));
        var below = -Bernoulli.Softplus((value - loc - _half) / scale);
        var width = (-(-2 * _half / scale).ExpM1()).Log();
        var inside = above + below + width;
        return Tensor.Where(value < -1 + _half, above, Tensor.Where(value > 1 - _half, below, inside));
    }

    /// <inheritdoc/>
    public override Tensor Sample(Shape? sampleShape = null, Generator? generator = null)
    {
        var value = _continuous.Sample(sampleShape, generator).Clamp(-1, 1);
        return ((value + 1) / (2 * _half)).Round() * (2 * _half) - 1;
    }
}
