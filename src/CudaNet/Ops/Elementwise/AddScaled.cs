namespace CudaNet;

internal sealed class AddScaledOp() : FusedChainOp("add_scaled", "input, other; alpha: float = 1 -> output")
{
    public static readonly AddScaledOp Instance = new();

    internal override CpuKernel Cpu => CpuFusedChains.AddScaled;

    protected override Attributes CaseAttributes => Attributes.Of(-1.75);

    protected override (double Value, double Magnitude) Evaluate(ReadOnlySpan<double> x, Attributes attributes)
    {
        var added = attributes.Float(0) * x[1];
        return (x[0] + added, Math.Abs(x[0]) + Math.Abs(added));
    }

    protected override Tensor Gradient(BackwardCall call, Tensor gradient, int operand) =>
        operand == 0 ? gradient : gradient.Affine(call.Attributes.Float(0));
}

/// <summary>Addition of a multiple.</summary>
public static class AddScaledExtensions
{
    extension(Tensor input)
    {
        /// <summary>input + alpha · other, broadcast, in one pass: torch.add with alpha. Shapes must broadcast by NumPy's rule and dtypes be one
        /// floating dtype.</summary>
        public Tensor Add(Tensor other, double alpha) =>
            AddScaledOp.Instance.Apply([input, other], Attributes.Of(alpha));

        /// <summary>input − alpha · other, broadcast, in one pass: torch.sub with alpha.</summary>
        public Tensor Sub(Tensor other, double alpha) => input.Add(other, -alpha);
    }
}
