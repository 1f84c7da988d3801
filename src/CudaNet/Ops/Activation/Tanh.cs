namespace CudaNet;

internal sealed class TanhOp() : UnaryOp("tanh")
{
    public static readonly TanhOp Instance = new();

    internal override CpuKernel Cpu => CpuElementwise.Tanh;

    protected internal override Saved Saves => Saved.Outputs(0);

    // A polynomial's last few operations, each rounded once, where a correctly rounded function would be several times slower.
    public override double ErrorConstant => 8;

    protected override double Evaluate(double x) => Math.Tanh(x);

    protected override Tensor GradInput(BackwardCall call, Tensor gradient)
    {
        var y = call.Output();
        return gradient.Mul(y.Mul(y).Affine(-1, 1));
    }
}

/// <summary>The hyperbolic tangent.</summary>
public static class TanhExtensions
{
    extension(Tensor input)
    {
        /// <summary>tanh(input), in (−1, 1).</summary>
        public Tensor Tanh() => TanhOp.Instance.Apply([input]);
    }
}
