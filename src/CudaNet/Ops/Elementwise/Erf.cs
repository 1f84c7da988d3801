namespace CudaNet;

internal sealed class ErfOp() : UnaryOp("erf")
{
    public static readonly ErfOp Instance = new();

    internal override CpuKernel Cpu => CpuPointwise.Erf;

    protected internal override Saved Saves => Saved.Inputs(0);

    // A polynomial's last few operations, each rounded once.
    public override double ErrorConstant => 8;

    protected override double Evaluate(double x) => SpecialFunctions.Erf(x);

    protected override Tensor GradInput(BackwardCall call, Tensor gradient) =>
        gradient.Mul(call.Input(0).Square().Neg().Exp().Affine(2 / Math.Sqrt(Math.PI)));

    protected override CaseInput DrawInput(DType dtype, long[] shape) => Draw.Uniform(-4, 4, shape);
}

/// <summary>The error function.</summary>
public static class ErfExtensions
{
    extension(Tensor input)
    {
        /// <summary>2/√π · ∫₀ˣ exp(−t²) dt, in (−1, 1).</summary>
        public Tensor Erf() => ErfOp.Instance.Apply([input]);
    }
}
