namespace CudaNet;

internal sealed class GaussianNllLossOp()
    : ElementwiseLossOp("gaussian_nll_loss", "input, target, var", ", full: bool = false, eps: float = 1e-6")
{
    public static readonly GaussianNllLossOp Instance = new();

    protected override IReadOnlyList<Setting> Settings { get; } =
    [new("full=false", false, 1e-6), new("full=true", true, 1e-3)];

    protected override CaseInput[] Inputs(long[] shape) =>
        [Draw.Normal(shape), Draw.Normal(shape), Draw.Uniform(0.2, 3, shape)];

    protected override (double Loss, double Magnitude) Element(ReadOnlySpan<double> inputs, Attributes attributes)
    {
        var (difference, size) = (inputs[0] - inputs[1], Math.Abs(inputs[0]) + Math.Abs(inputs[1]));
        var variance = Math.Max(inputs[2], attributes.Float(2));
        var constant = attributes.Bool(1) ? 0.5 * Math.Log(2 * Math.PI) : 0;
        return (
            0.5 * (Math.Log(variance) + difference * difference / variance) + constant,
            0.5 * (1 + Math.Abs(Math.Log(variance)) + size * size / variance) + constant
        );
    }

    protected override Tensor Elements(ReadOnlySpan<Tensor> inputs, Attributes attributes)
    {
        // The bound is no part of the graph, as in PyTorch, so that a variance below it can grow again.
        var variance = BoundBelow(inputs[2], attributes.Float(2));
        var difference = inputs[0].Sub(inputs[1]);
        var loss = variance.Log().Add(difference.Mul(difference).Div(variance)).Affine(0.5);
        return attributes.Bool(1) ? loss.Affine(1, 0.5 * Math.Log(2 * Math.PI)) : loss;
    }

    private static Tensor BoundBelow(Tensor variance, double eps)
    {
        var value = variance.Detach();
        return variance.Add(value.Clamp(eps).Sub(value));
    }
}

/// <summary>Values with a normal distribution of a known or predicted variance.</summary>
public static class GaussianNllLossExtensions
{
    extension(Tensor input)
    {
        /// <summary>
        /// (log variance + (input − target)² / variance) / 2, the negative log-likelihood of a normal distribution with mean
        /// <paramref name="input"/>, without the constant log(2π) / 2 unless <paramref name="full"/> (Nix, Weigend 1994). Variances below <paramref name="eps"/>
        /// count as eps; their gradients pass.
        /// </summary>
        /// <exception cref="ShapeException">The shapes differ; nothing is broadcast.</exception>
        public Tensor GaussianNllLoss(
            Tensor target,
            Tensor variance,
            bool full = false,
            double eps = 1e-6,
            Reduction reduction = Reduction.Mean
        ) => GaussianNllLossOp.Instance.Apply([input, target, variance], Attributes.Of((long)reduction, full, eps));
    }
}
