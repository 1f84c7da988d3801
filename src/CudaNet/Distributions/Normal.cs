namespace CudaNet.Distributions;

/// <summary>The normal distribution; several independent ones as one value are <c>new Independent(new Normal(…), 1)</c>.</summary>
/// <param name="loc">The mean.</param>
/// <param name="scale">The standard deviation, positive.</param>
public sealed class Normal(Tensor loc, Tensor scale) : Distribution(Shape.Scalar, (loc, 0), (scale, 0))
{
    /// <summary>The mean.</summary>
    public Tensor Loc => loc;

    /// <summary>The standard deviation.</summary>
    public Tensor Scale => scale;

    /// <inheritdoc/>
    public override bool HasRSample => true;

    /// <inheritdoc/>
    public override Tensor Mean => Whole(loc);

    /// <inheritdoc/>
    public override Tensor Variance => Whole(scale.Square());

    /// <inheritdoc/>
    public override Tensor LogProb(Tensor value) =>
        -0.5 * ((value - loc) / scale).Square() - scale.Log() - 0.5 * Math.Log(2 * Math.PI);

    /// <inheritdoc/>
    public override Tensor Entropy() => Whole(scale.Log() + 0.5 * Math.Log(2 * Math.PI * Math.E));

    /// <summary>Draws by the method of Box and Muller.</summary>
    public override Tensor RSample(Shape? sampleShape = null, Generator? generator = null) =>
        loc + scale * Tensor.RandN(Extended(sampleShape), 0, 1, DType, Device, generator);
}
