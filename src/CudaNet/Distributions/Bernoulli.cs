namespace CudaNet.Distributions;

/// <summary>Ones with a probability, else zeros.</summary>
/// <param name="logits">The logarithms of the odds.</param>
public sealed class Bernoulli(Tensor logits) : Distribution(Shape.Scalar, (logits, 0))
{
    /// <summary>The distribution with these probabilities of a one.</summary>
    public static Bernoulli FromProbabilities(Tensor probabilities) =>
        new(probabilities.Log() - (-probabilities).Log1P());

    /// <summary>The logarithms of the odds.</summary>
    public Tensor Logits => logits;

    /// <summary>The probabilities of a one.</summary>
    public Tensor Probabilities => logits.Sigmoid();

    /// <inheritdoc/>
    public override Tensor Mean => Probabilities;

    /// <inheritdoc/>
    public override Tensor Variance => Probabilities * (-logits).Sigmoid();

    /// <inheritdoc/>
    public override Tensor LogProb(Tensor value) => value * logits - Softplus(logits);

    /// <inheritdoc/>
    public override Tensor Entropy() => Softplus(logits) - logits * Probabilities;

    /// <inheritdoc/>
    public override Tensor Sample(Shape? sampleShape = null, Generator? generator = null)
    {
        using var noGrad = Autograd.NoGrad();
        return logits.Expand(Extended(sampleShape).Dims).Contiguous().BernoulliLogits(generator).Sample;
    }

    internal static Tensor Softplus(Tensor x) => x.Softplus(1, double.PositiveInfinity);
}
