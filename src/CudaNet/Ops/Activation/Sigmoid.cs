namespace CudaNet;

internal sealed class SigmoidOp() : UnaryOp("sigmoid")
{
    public static readonly SigmoidOp Instance = new();

    internal override CpuKernel Cpu => CpuElementwise.Sigmoid;

    protected internal override Saved Saves => Saved.Outputs(0);

    // A polynomial's last few operations, each rounded once, where a correctly rounded function would be several times slower.
    public override double ErrorConstant => 8;

    protected override double Evaluate(double x) => 1 / (1 + Math.Exp(-x));

    protected override Tensor GradInput(BackwardCall call, Tensor gradient)
    {
        var y = call.Output();
        return gradient.Mul(y.Mul(y.Affine(-1, 1)));
    }
}

/// <summary>The logistic function.</summary>
public static class SigmoidExtensions
{
    extension(Tensor input)
    {
        /// <summary>1 / (1 + e⁻ˣ), in (0, 1).</summary>
        public Tensor Sigmoid() => SigmoidOp.Instance.Apply([input]);
    }
}
