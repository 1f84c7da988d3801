namespace CudaNet.Distributions;

/// <summary>The Laplace distribution: exp(−|x − loc| / scale) / (2·scale).</summary>
/// <param name="loc">The mean.</param>
/// <param name="scale">The mean distance from it, positive.</param>
public sealed class Laplace(Tensor loc, Tensor scale) : Distribution(Shape.Scalar, (loc, 0), (scale, 0))
{
    /// <summary>The mean.</summary>
    public Tensor Loc => loc;

    /// <summary>The mean distance from it.</summary>
    public Tensor Scale => scale;

    /// <inheritdoc/>
    public override bool HasRSample => true;

    /// <inheritdoc/>
    public override Tensor Mean => Whole(loc);

    /// <inheritdoc/>
    public override Tensor Variance => Whole(2 * scale.Square());

    /// <inheritdoc/>
    public override Tensor LogProb(Tensor value) => -((value - loc).Abs() / scale) - (2 * scale).Log();

    /// <inheritdoc/>
    public override Tensor Entropy() => Whole((2 * scale).Log() + 1);

    /// <summary>Draws by the inverse of the cumulative distribution.</summary>
    public override Tensor RSample(Shape? sampleShape = null, Generator? generator = null)
    {
        var u = Uniform(sampleShape, generator, Epsilon - 1, 1);
        return loc - scale * (u.Sign() * (-u.Abs()).Log1P());
    }
}
