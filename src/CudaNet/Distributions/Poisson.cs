namespace CudaNet.Distributions;

/// <summary>Counts of events that come at a rate.</summary>
/// <param name="rate">The expected count, positive.</param>
public sealed class Poisson(Tensor rate) : Distribution(Shape.Scalar, (rate, 0))
{
    /// <summary>The expected count.</summary>
    public Tensor Rate => rate;

    /// <inheritdoc/>
    public override Tensor Mean => rate;

    /// <inheritdoc/>
    public override Tensor Variance => rate;

    /// <inheritdoc/>
    public override Tensor LogProb(Tensor value) => value * rate.Log() - rate - (value + 1).LogGamma();

    /// <summary>Counts, in the rate's dtype. They are drawn on the host, since how many numbers one takes depends on the numbers.</summary>
    public override Tensor Sample(Shape? sampleShape = null, Generator? generator = null) =>
        HostSampler.Draw(Extended(sampleShape), DType, Device, generator, HostSampler.Poisson, rate);
}
