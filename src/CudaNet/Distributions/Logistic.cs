namespace CudaNet.Distributions;

/// <summary>The logistic distribution, whose cumulative distribution is the sigmoid; mixtures of it are <see cref="MixtureSameFamily"/>.</summary>
/// <param name="loc">The mean.</param>
/// <param name="scale">The width, positive.</param>
public sealed class Logistic(Tensor loc, Tensor scale) : Distribution(Shape.Scalar, (loc, 0), (scale, 0))
{
    /// <summary>The mean.</summary>
    public Tensor Loc => loc;

    /// <summary>The width.</summary>
    public Tensor Scale => scale;

    /// <inheritdoc/>
    public override bool HasRSample => true;

    /// <inheritdoc/>
    public override Tensor Mean => Whole(loc);

    /// <inheritdoc/>
    public override Tensor Variance => Whole(Math.PI * Math.PI / 3 * scale.Square());

    /// <inheritdoc/>
    public override Tensor LogProb(Tensor value)
    {
        var z = (value - loc) / scale;
        return -z - 2 * Bernoulli.Softplus(-z) - scale.Log();
    }

    /// <summary>The probability of a smaller value.</summary>
    public Tensor Cdf(Tensor value) => ((value - loc) / scale).Sigmoid();

    /// <inheritdoc/>
    public override Tensor Entropy() => Whole(scale.Log() + 2);

    /// <summary>Draws by the inverse of the cumulative distribution.</summary>
    public override Tensor RSample(Shape? sampleShape = null, Generator? generator = null)
    {
        var u = Uniform(sampleShape, generator, Tiny);
        return loc + scale * (u.Log() - (-u).Log1P());
    }
}
