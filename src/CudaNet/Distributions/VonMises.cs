namespace CudaNet.Distributions;

/// <summary>The von Mises distribution of angles, in radians on [−π, π): exp(κ·cos(x − loc)) / (2π·I₀(κ)).</summary>
/// <param name="loc">The mean direction.</param>
/// <param name="concentration">κ, positive: 1/κ is about the variance when it is large.</param>
public sealed class VonMises(Tensor loc, Tensor concentration)
    : Distribution(Shape.Scalar, (loc, 0), (concentration, 0))
{
    /// <summary>The mean direction.</summary>
    public Tensor Loc => loc;

    /// <summary>κ.</summary>
    public Tensor Concentration => concentration;

    /// <summary>The mean direction.</summary>
    public override Tensor Mean => Whole(loc);

    /// <summary>The circular variance, 1 − I₁(κ)/I₀(κ).</summary>
    public override Tensor Variance => Whole(1 - MeanCosine);

    /// <summary>The expected cosine of the angle from the mean direction, I₁(κ)/I₀(κ).</summary>
    internal Tensor MeanCosine => (concentration.LogBesselI1() - concentration.LogBesselI0()).Exp();

    /// <summary>With the approximation of I₀ in Abramowitz and Stegun, 9.8.1 and 9.8.2, as in PyTorch: to seven digits.</summary>
    public override Tensor LogProb(Tensor value) =>
        concentration * (value - loc).Cos() - Math.Log(2 * Math.PI) - concentration.LogBesselI0();

    /// <inheritdoc/>
    public override Tensor Entropy() =>
        Whole(Math.Log(2 * Math.PI) + concentration.LogBesselI0() - concentration * MeanCosine);

    /// <summary>Angles by the method of Best and Fisher (1979), drawn on the host, since how many numbers one takes depends on the numbers.</summary>
    public override Tensor Sample(Shape? sampleShape = null, Generator? generator = null) =>
        HostSampler.Draw(Extended(sampleShape), DType, Device, generator, HostSampler.VonMises, loc, concentration);
}
