namespace CudaNet;

internal sealed class ExpOp() : UnaryOp("exp")
{
    public static readonly ExpOp Instance = new();

    internal override CpuKernel Cpu => CpuElementwise.Exp;

    protected internal override Saved Saves => Saved.Outputs(0);

    // A polynomial's last few operations, each rounded once, where a correctly rounded function would be several times slower.
    public override double ErrorConstant => 8;

    protected override double Evaluate(double x) => Math.Exp(x);

    protected override Tensor GradInput(BackwardCall call, Tensor gradient) => gradient.Mul(call.Output());
}

/// <summary>The exponential function.</summary>
public static class ExpExtensions
{
    extension(Tensor input)
    {
        /// <summary>e to the power of each element; ∞ where it overflows.</summary>
        public Tensor Exp() => ExpOp.Instance.Apply([input]);
    }
}
