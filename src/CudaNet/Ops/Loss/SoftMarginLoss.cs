namespace CudaNet;

internal sealed class SoftMarginLossOp() : SignedTargetLossOp("soft_margin_loss", "input, target")
{
    public static readonly SoftMarginLossOp Instance = new();

    protected override (double Loss, double Magnitude) Element(ReadOnlySpan<double> inputs, Attributes attributes)
    {
        var product = inputs[0] * inputs[1];
        return (SpecialFunctions.Softplus(-product), SpecialFunctions.Softplus(-product) + Math.Abs(product));
    }

    protected override Tensor Elements(ReadOnlySpan<Tensor> inputs, Attributes attributes) =>
        BceShapes.Softplus(inputs[0].Mul(inputs[1]).Neg());
}

/// <summary>The logistic loss of targets 1 and −1.</summary>
public static class SoftMarginLossExtensions
{
    extension(Tensor input)
    {
        /// <summary>log(1 + exp(−target · input)) for targets 1 and −1.</summary>
        /// <exception cref="ShapeException">The shapes differ; nothing is broadcast.</exception>
        public Tensor SoftMarginLoss(Tensor target, Reduction reduction = Reduction.Mean) =>
            SoftMarginLossOp.Instance.Apply([input, target], Attributes.Of((long)reduction));
    }
}
