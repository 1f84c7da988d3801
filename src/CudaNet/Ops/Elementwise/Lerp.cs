namespace CudaNet;

internal sealed class LerpOp() : FusedChainOp("lerp", "input, end, weight -> output")
{
    public static readonly LerpOp Instance = new();

    protected internal override Saved Saves => Saved.AllInputs;

    internal override CpuKernel Cpu => CpuFusedChains.Lerp;

    protected override CaseInput DrawOperand(int operand, long[] shape) =>
        operand == 2 ? Draw.Uniform(-0.75, 1.5, shape) : Draw.Normal(shape);

    // Kernels go from the nearer end, so that each is met exactly; what the difference loses is scaled by the way from there.
    protected override (double Value, double Magnitude) Evaluate(ReadOnlySpan<double> x, Attributes attributes)
    {
        var (start, end, weight) = (x[0], x[1], x[2]);
        var way = Math.Abs(weight) < 0.5 ? Math.Abs(weight) : Math.Abs(1 - weight);
        var from = Math.Abs(weight) < 0.5 ? start : end;
        return ((1 - weight) * start + weight * end, Math.Abs(from) + way * (Math.Abs(start) + Math.Abs(end)));
    }

    protected override Tensor Gradient(BackwardCall call, Tensor gradient, int operand) =>
        operand switch
        {
            0 => gradient.Mul(call.Input(2).Affine(-1, 1)),
            1 => gradient.Mul(call.Input(2)),
            _ => gradient.Mul(call.Input(1).Sub(call.Input(0))),
        };
}

/// <summary>The way between two tensors.</summary>
public static class LerpExtensions
{
    extension(Tensor input)
    {
        /// <summary>input + weight · (end − input), broadcast, in one pass: input for weight 0, end for weight 1, both exactly. Shapes must broadcast by
        /// NumPy's rule and dtypes be one floating dtype.</summary>
        public Tensor Lerp(Tensor end, Tensor weight) => LerpOp.Instance.Apply([input, end, weight]);

        /// <summary>The same with one weight for all elements.</summary>
        public Tensor Lerp(Tensor end, double weight) => input.Lerp(end, input.Number(weight, "lerp"));
    }
}
