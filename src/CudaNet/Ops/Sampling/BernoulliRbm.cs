namespace CudaNet;

/// <summary>
/// Block Gibbs sampling in a restricted Boltzmann machine of zeros and ones, E(v, h) = −hᵀWv − bᵀh − cᵀv (Hinton 2002): all hidden units at
/// once given the visible ones, and back. Each half is a matrix product with its bias and one draw. Weights are (hidden, visible), as those
/// of a linear layer from visible to hidden; units are (…, visible) and (…, hidden).
/// </summary>
public static class BernoulliRbm
{
    /// <summary>A sample of the hidden units, and p(h = 1 | v) = σ(b + Wv).</summary>
    public static (Tensor Sample, Tensor Probability) SampleHidden(
        Tensor visible,
        Tensor weight,
        Tensor hiddenBias,
        Generator? generator = null
    )
    {
        ArgumentNullException.ThrowIfNull(visible);
        using var noGrad = Autograd.NoGrad();
        return visible.Linear(weight, hiddenBias).BernoulliLogits(generator);
    }

    /// <summary>A sample of the visible units, and p(v = 1 | h) = σ(c + Wᵀh).</summary>
    public static (Tensor Sample, Tensor Probability) SampleVisible(
        Tensor hidden,
        Tensor weight,
        Tensor visibleBias,
        Generator? generator = null
    )
    {
        ArgumentNullException.ThrowIfNull(hidden);
        ArgumentNullException.ThrowIfNull(weight);
        using var noGrad = Autograd.NoGrad();
        return hidden.Linear(weight.T, visibleBias).BernoulliLogits(generator);
    }

    /// <summary>
    /// The visible units after <paramref name="sweeps"/> sweeps, each hidden from visible and then visible from hidden: the negative phase
    /// of contrastive divergence, or of its persistent form when the chain goes on from the last result.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">sweeps is less than 1.</exception>
    public static Tensor Gibbs(
        Tensor visible,
        Tensor weight,
        Tensor visibleBias,
        Tensor hiddenBias,
        int sweeps = 1,
        Generator? generator = null
    )
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(sweeps, 1);
        for (var i = 0; i < sweeps; i++)
        {
            var hidden = SampleHidden(visible, weight, hiddenBias, generator).Sample;
            visible = SampleVisible(hidden, weight, visibleBias, generator).Sample;
        }
        return visible;
    }

    /// <summary>
    /// F(v) = −cᵀv − Σ_j softplus(b_j + W_j v) for each row, with p(v) = exp(−F(v)) / Z: what contrastive divergence takes the gradient of.
    /// Differentiable.
    /// </summary>
    public static Tensor FreeEnergy(Tensor visible, Tensor weight, Tensor visibleBias, Tensor hiddenBias)
    {
        ArgumentNullException.ThrowIfNull(visible);
        var hidden = visible.Linear(weight, hiddenBias).Softplus(1, double.PositiveInfinity).Sum(-1);
        return visible.Mul(visibleBias).Sum(-1).Add(hidden).Neg();
    }
}
