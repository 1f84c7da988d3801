namespace CudaNet;

internal sealed class BinaryCrossEntropyOp() : ElementwiseLossOp("binary_cross_entropy", "input, target")
{
    // PyTorch's bound: what a probability of 0 costs, which would otherwise be infinite.
    private const double LowestLog = -100;

    public static readonly BinaryCrossEntropyOp Instance = new();

    protected override CaseInput[] Inputs(long[] shape) => [Draw.Uniform(0.02, 0.98, shape), Draw.Uniform(0, 1, shape)];

    protected override (double Loss, double Magnitude) Element(ReadOnlySpan<double> inputs, Attributes attributes)
    {
        var (x, t) = (inputs[0], inputs[1]);
        var (log, logRest) = (Math.Max(Math.Log(x), LowestLog), Math.Max(Math.Log(1 - x), LowestLog));
        // 1 − x rounds, which the logarithm magnifies by 1 / (1 − x).
        var rounding = Math.Abs(1 - t) / Math.Max(1 - x, Math.Exp(LowestLog));
        return (-(t * log + (1 - t) * logRest), Math.Abs(t * log) + Math.Abs(1 - t) * Math.Abs(logRest) + rounding);
    }

    protected override Tensor Elements(ReadOnlySpan<Tensor> inputs, Attributes attributes)
    {
        var (x, t) = (inputs[0], inputs[1]);
        var rest = x.Affine(-1, 1);
        return t.Mul(BoundedLog(x)).Add(t.Affine(-1, 1).Mul(BoundedLog(rest))).Neg();
    }

    /// <summary>The logarithm where it is above the bound, else the bound, without a gradient: that of the logarithm would be infinite.</summary>
    private static Tensor BoundedLog(Tensor x)
    {
        var low = x.Le(Math.Exp(LowestLog));
        return x.MaskedFill(low, 1).Log().MaskedFill(low, LowestLog);
    }
}

/// <summary>The binary cross entropy of probabilities.</summary>
public static class BinaryCrossEntropyExtensions
{
    extension(Tensor input)
    {
        /// <summary>
        /// −(y log input + (1 − y) log(1 − input)) for probabilities <paramref name="input"/> and targets y from 0 to 1. Logarithms count as at least −100, so that a
        /// probability of exactly 0 or 1 costs 100 at most; no gradient passes there. Of logits, <c>BceWithLogits</c> is the more accurate.
        /// </summary>
        /// <exception cref="ShapeException">The shapes differ; nothing is broadcast.</exception>
        public Tensor BinaryCrossEntropy(Tensor target, Reduction reduction = Reduction.Mean) =>
            BinaryCrossEntropyOp.Instance.Apply([input, target], Attributes.Of((long)reduction));
    }
}
