namespace CudaNet;

internal sealed class MseLossOp() : ElementwiseLossOp("mse_loss", "input, target")
{
    public static readonly MseLossOp Instance = new();

    protected override (double Loss, double Magnitude) Element(ReadOnlySpan<double> inputs, Attributes attributes)
    {
        var (difference, size) = (inputs[0] - inputs[1], Math.Abs(inputs[0]) + Math.Abs(inputs[1]));
        return (difference * difference, size * size);
    }

    protected override Tensor Elements(ReadOnlySpan<Tensor> inputs, Attributes attributes)
    {
        var difference = inputs[0].Sub(inputs[1]);
        return difference.Mul(difference);
    }
}

/// <summary>The squared error.</summary>
public static class MseLossExtensions
{
    extension(Tensor input)
    {
        /// <summary>(input − target)², its mean over all elements, or its sum.</summary>
        /// <exception cref="ShapeException">The shapes differ; nothing is broadcast.</exception>
        public Tensor MseLoss(Tensor target, Reduction reduction = Reduction.Mean) =>
            MseLossOp.Instance.Apply([input, target], Attributes.Of((long)reduction));
    }
}
