namespace CudaNet;

internal sealed class ReluOp() : UnaryOp("relu")
{
    public static readonly ReluOp Instance = new();

    internal override CpuKernel Cpu => CpuElementwise.Relu;

    protected internal override Saved Saves => Saved.Outputs(0);

    protected override double Evaluate(double x) => x < 0 ? 0 : x;

    protected override Tensor GradInput(BackwardCall call, Tensor gradient) =>
        Tensor.Where(call.Output().Gt(0), gradient, 0);

    protected override CaseInput DrawInput(DType dtype, long[] shape) => Draw.Away(0.1, 2, shape);
}

/// <summary>The rectified linear unit.</summary>
public static class ReluExtensions
{
    extension(Tensor input)
    {
        /// <summary>max(input, 0); a NaN stays one. The gradient at 0 is 0.</summary>
        public Tensor Relu() => ReluOp.Instance.Apply([input]);
    }
}
