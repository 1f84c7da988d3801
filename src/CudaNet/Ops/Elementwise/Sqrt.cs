namespace CudaNet;

internal sealed class SqrtOp() : UnaryOp("sqrt")
{
    public static readonly SqrtOp Instance = new();

    internal override CpuKernel Cpu => CpuElementwise.Sqrt;

    protected internal override Saved Saves => Saved.Outputs(0);

    protected override double Evaluate(double x) => Math.Sqrt(x);

    protected override Tensor GradInput(BackwardCall call, Tensor gradient) => gradient.Div(call.Output()).Affine(0.5);

    protected override CaseInput DrawInput(DType dtype, long[] shape) => Draw.Uniform(0.1, 5, shape);
}

/// <summary>Square roots.</summary>
public static class SqrtExtensions
{
    extension(Tensor input)
    {
        /// <summary>√input; NaN below zero.</summary>
        public Tensor Sqrt() => SqrtOp.Instance.Apply([input]);
    }
}
