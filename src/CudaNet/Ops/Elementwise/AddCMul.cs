namespace CudaNet;

internal sealed class AddCMulOp() : FusedChainOp("addcmul", "input, tensor1, tensor2; value: float = 1 -> output")
{
    public static readonly AddCMulOp Instance = new();

    protected internal override Saved Saves => Saved.Inputs(1, 2);

    internal override CpuKernel Cpu => CpuFusedChains.AddCMul;

    protected override Attributes CaseAttributes => Attributes.Of(0.7);

    protected override (double Value, double Magnitude) Evaluate(ReadOnlySpan<double> x, Attributes attributes)
    {
        var added = attributes.Float(0) * x[1] * x[2];
        return (x[0] + added, Math.Abs(x[0]) + Math.Abs(added));
    }

    protected override Tensor Gradient(BackwardCall call, Tensor gradient, int operand) =>
        operand == 0 ? gradient : gradient.Mul(call.Input(3 - operand)).Affine(call.Attributes.Float(0));
}

/// <summary>Addition of a product.</summary>
public static class AddCMulExtensions
{
    extension(Tensor input)
    {
        /// <summary>input + value · tensor1 · tensor2, broadcast, in one pass: a modulation by a learnt scale and shift is shift.AddCMul(x, scale). Shapes
        /// must broadcast by NumPy's rule and dtypes be one floating dtype.</summary>
        public Tensor AddCMul(Tensor tensor1, Tensor tensor2, double value = 1) =>
            AddCMulOp.Instance.Apply([input, tensor1, tensor2], Attributes.Of(value));
    }
}
