namespace CudaNet;

internal sealed class ReciprocalOp() : UnaryOp("reciprocal")
{
    public static readonly ReciprocalOp Instance = new();

    internal override CpuKernel Cpu => CpuPointwise.Reciprocal;

    protected internal override Saved Saves => Saved.Outputs(0);

    protected override double Evaluate(double x) => 1 / x;

    protected override Tensor GradInput(BackwardCall call, Tensor gradient) =>
        gradient.Mul(call.Output().Square()).Neg();

    protected override CaseInput DrawInput(DType dtype, long[] shape) => Draw.Away(0.1, 4, shape);
}

/// <summary>Reciprocals.</summary>
public static class ReciprocalExtensions
{
    extension(Tensor input)
    {
        /// <summary>1 / input.</summary>
        public Tensor Reciprocal() => ReciprocalOp.Instance.Apply([input]);
    }
}
