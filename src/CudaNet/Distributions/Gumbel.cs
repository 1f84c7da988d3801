namespace CudaNet.Distributions;

/// <summary>The Gumbel distribution, of largest values: F(x) = exp(−exp(−(x − loc) / scale)).</summary>
/// <param name="loc">The mode.</param>
/// <param name="scale">The width, positive.</param>
public sealed class Gumbel(Tensor loc, Tensor scale) : Distribution(Shape.Scalar, (loc, 0), (scale, 0))
{
    /// <summary>The mode.</summary>
    public Tensor Loc => loc;

    /// <summary>The width.</summary>
    public Tensor Scale => scale;

    /// <inheritdoc/>
    public override bool HasRSample => true;

    /// <inheritdoc/>
    public override Tensor Mean => Whole(loc + EulerGamma * scale);

    /// <inheritdoc/>
    public override Tensor Variance => Whole(Math.PI * Math.PI / 6 * scale.Square());

    /// <inheritdoc/>
    public override Tensor LogProb(Tensor value)
    {
        var y = (loc - value) / scale;
        return y - y.Exp() - scale.Log();
    }

    /// <inheritdoc/>
    public override Tensor Entropy() => Whole(scale.Log() + (1 + EulerGamma));

    /// <summary>Draws by the inverse of the cumulative distribution.</summary>
    public override Tensor RSample(Shape? sampleShape = null, Generator? generator = null) =>
        loc - scale * (-Uniform(sampleShape, generator, Tiny).Log()).Log();
}
