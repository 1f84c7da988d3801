namespace CudaNet;

internal sealed class ExpM1Op() : UnaryOp("expm1")
{
    public static readonly ExpM1Op Instance = new();

    internal override CpuKernel Cpu => CpuPointwise.ExpM1;

    protected internal override Saved Saves => Saved.Outputs(0);

    // A polynomial's last few operations, each rounded once.
    public override double ErrorConstant => 8;

    protected override double Evaluate(double x) => SpecialFunctions.ExpM1(x);

    protected override Tensor GradInput(BackwardCall call, Tensor gradient) => gradient.Mul(call.Output().Affine(1, 1));

    protected override CaseInput DrawInput(DType dtype, long[] shape) => Draw.Uniform(-4, 4, shape);
}

/// <summary>The exponential function less 1.</summary>
public static class ExpM1Extensions
{
    extension(Tensor input)
    {
        /// <summary>eˣ − 1, accurate near 0, where the difference would cancel.</summary>
        public Tensor ExpM1() => ExpM1Op.Instance.Apply([input]);
    }
}
