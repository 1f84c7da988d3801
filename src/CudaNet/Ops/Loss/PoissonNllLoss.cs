namespace CudaNet;

internal sealed class PoissonNllLossOp()
    : ElementwiseLossOp(
        "poisson_nll_loss",
        "input, target",
        ", log_input: bool = true, full: bool = false, eps: float = 1e-8"
    )
{
    public static readonly PoissonNllLossOp Instance = new();

    protected override IReadOnlyList<Setting> Settings { get; } =
    [
        new("log_input=true", true, false, 1e-8),
        new("log_input=false", false, false, 1e-3),
        new("full=true", true, true, 1e-8),
    ];

    // Rates and counts: above 0, with targets on both sides of the 1 from which Stirling's formula counts.
    protected override CaseInput[] Inputs(long[] shape) => [Draw.Uniform(0.1, 2, shape), Draw.Uniform(0.2, 3, shape)];

    protected override (double Loss, double Magnitude) Element(ReadOnlySpan<double> inputs, Attributes attributes)
    {
        var (x, y) = (inputs[0], inputs[1]);
        var (rate, log) = attributes.Bool(1) ? (Math.Exp(x), x) : (x, Math.Log(x + attributes.Float(3)));
        var (loss, magnitude) = (rate - y * log, rate * (1 + Math.Abs(x)) + Math.Abs(y) * (1 + Math.Abs(log)));
        if (!attributes.Bool(2) || y <= 1)
            return (loss, magnitude);
        var stirling = y * Math.Log(y) - y + 0.5 * Math.Log(2 * Math.PI * y);
        return (loss + stirling, magnitude + y * (2 + Math.Log(y)) + 0.5 * Math.Abs(Math.Log(2 * Math.PI * y)) + 1);
    }

    protected override Tensor Elements(ReadOnlySpan<Tensor> inputs, Attributes attributes)
    {
        var (x, y) = (inputs[0], inputs[1]);
        var loss = attributes.Bool(1) ? x.Exp().Sub(y.Mul(x)) : x.Sub(y.Mul(x.Affine(1, attributes.Float(3)).Log()));
        if (!attributes.Bool(2))
            return loss;
        var small = y.Le(1);
        var safe = y.MaskedFill(small, 1);
        var stirling = safe.Mul(safe.Log()).Sub(safe).Add(safe.Affine(2 * Math.PI).Log().Affine(0.5));
        return loss.Add(stirling.MaskedFill(small, 0));
    }
}

/// <summary>Counts with a Poisson distribution.</summary>
public static class PoissonNllLossExtensions
{
    extension(Tensor input)
    {
        /// <summary>
        /// −log Poisson(target | rate) without log target!: rate − target · log rate. The input is the logarithm of the rate, or, without
        /// <paramref name="logInput"/>, the rate itself, whose logarithm is taken of input + <paramref name="eps"/>. With <paramref name="full"/>, Stirling's
        /// formula for log target! is added where the target is above 1.
        /// </summary>
        /// <exception cref="ShapeException">The shapes differ; nothing is broadcast.</exception>
        public Tensor PoissonNllLoss(
            Tensor target,
            bool logInput = true,
            bool full = false,
            double eps = 1e-8,
            Reduction reduction = Reduction.Mean
        ) => PoissonNllLossOp.Instance.Apply([input, target], Attributes.Of((long)reduction, logInput, full, eps));
    }
}
