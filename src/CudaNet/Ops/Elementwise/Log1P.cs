namespace CudaNet;

internal sealed class Log1POp() : UnaryOp("log1p")
{
    public static readonly Log1POp Instance = new();

    internal override CpuKernel Cpu => CpuPointwise.Log1P;

    protected internal override Saved Saves => Saved.Inputs(0);

    // A polynomial's last few operations, each rounded once.
    public override double ErrorConstant => 8;

    protected override double Evaluate(double x) => SpecialFunctions.Log1P(x);

    protected override Tensor GradInput(BackwardCall call, Tensor gradient) =>
        gradient.Mul(call.Input(0).Affine(1, 1).Reciprocal());

    protected override CaseInput DrawInput(DType dtype, long[] shape) => Draw.Uniform(-0.9, 9, shape);
}

/// <summary>The logarithm of 1 + x.</summary>
public static class Log1PExtensions
{
    extension(Tensor input)
    {
        /// <summary>ln(1 + input), accurate near 0. NaN below −1.</summary>
        public Tensor Log1P() => Log1POp.Instance.Apply([input]);
    }
}
