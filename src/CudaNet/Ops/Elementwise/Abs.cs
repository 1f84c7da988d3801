namespace CudaNet;

internal sealed class AbsOp() : UnaryOp("abs")
{
    public static readonly AbsOp Instance = new();

    internal override CpuKernel Cpu => CpuElementwise.Abs;

    protected internal override Saved Saves => Saved.Inputs(0);

    protected override double Evaluate(double x) => Math.Abs(x);

    protected override Tensor GradInput(BackwardCall call, Tensor gradient)
    {
        var x = call.Input(0);
        return Tensor.Where(x.Gt(0), gradient, Tensor.Where(x.Lt(0), gradient.Neg(), 0));
    }

    protected override CaseInput DrawInput(DType dtype, long[] shape) => Draw.Away(0.1, 2, shape);
}

/// <summary>Absolute values.</summary>
public static class AbsExtensions
{
    extension(Tensor input)
    {
        /// <summary>|input|. The gradient at 0 is 0.</summary>
        public Tensor Abs() => AbsOp.Instance.Apply([input]);
    }
}
