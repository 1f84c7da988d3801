namespace CudaNet;

internal sealed class AddCDivOp() : FusedChainOp("addcdiv", "input, tensor1, tensor2; value: float = 1 -> output")
{
    public static readonly AddCDivOp Instance = new();

    protected internal override Saved Saves => Saved.Inputs(1, 2);

    internal override CpuKernel Cpu => CpuFusedChains.AddCDiv;

    protected override Attributes CaseAttributes => Attributes.Of(0.7);

    protected override CaseInput DrawOperand(int operand, long[] shape) =>
        operand == 2 ? Draw.Away(0.5, 2, shape) : Draw.Normal(shape);

    protected override (double Value, double Magnitude) Evaluate(ReadOnlySpan<double> x, Attributes attributes)
    {
        var added = attributes.Float(0) * x[1] / x[2];
        return (x[0] + added, Math.Abs(x[0]) + Math.Abs(added));
    }

    protected override Tensor Gradient(BackwardCall call, Tensor gradient, int operand)
    {
        if (operand == 0)
            return gradient;
        var share = gradient.Affine(call.Attributes.Float(0)).Div(call.Input(2));
        return operand == 1 ? share : share.Mul(call.Input(1)).Div(call.Input(2)).Neg();
    }
}

/// <summary>Addition of a quotient.</summary>
public static class AddCDivExtensions
{
    extension(Tensor input)
    {
        /// <summary>input + value · tensor1 / tensor2, broadcast, in one pass. Shapes must broadcast by NumPy's rule and dtypes be one floating
        /// dtype.</summary>
        public Tensor AddCDiv(Tensor tensor1, Tensor tensor2, double value = 1) =>
            AddCDivOp.Instance.Apply([input, tensor1, tensor2], Attributes.Of(value));
    }
}
