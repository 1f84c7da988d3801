namespace CudaNet;

internal sealed class L1LossOp() : ElementwiseLossOp("l1_loss", "input, target")
{
    public static readonly L1LossOp Instance = new();

    protected override (double Loss, double Magnitude) Element(ReadOnlySpan<double> inputs, Attributes attributes) =>
        (Math.Abs(inputs[0] - inputs[1]), Math.Abs(inputs[0]) + Math.Abs(inputs[1]));

    protected override Tensor Elements(ReadOnlySpan<Tensor> inputs, Attributes attributes) =>
        inputs[0].Sub(inputs[1]).Abs();
}

/// <summary>The absolute error.</summary>
public static class L1LossExtensions
{
    extension(Tensor input)
    {
        /// <summary>|input − target|, its mean over all elements, or its sum.</summary>
        /// <exception cref="ShapeException">The shapes differ; nothing is broadcast.</exception>
        public Tensor L1Loss(Tensor target, Reduction reduction = Reduction.Mean) =>
            L1LossOp.Instance.Apply([input, target], Attributes.Of((long)reduction));
    }
}
