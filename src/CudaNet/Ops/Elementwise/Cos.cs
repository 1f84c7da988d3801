namespace CudaNet;

internal sealed class CosOp() : UnaryOp("cos")
{
    public static readonly CosOp Instance = new();

    internal override CpuKernel Cpu => CpuElementwise.Cos;

    protected internal override Saved Saves => Saved.Inputs(0);

    protected override double Evaluate(double x) => Math.Cos(x);

    protected override Tensor GradInput(BackwardCall call, Tensor gradient) => gradient.Mul(call.Input(0).Sin()).Neg();
}

/// <summary>The cosine.</summary>
public static class CosExtensions
{
    extension(Tensor input)
    {
        /// <summary>cos(input), in radians; NaN at ±∞.</summary>
        public Tensor Cos() => CosOp.Instance.Apply([input]);
    }
}
