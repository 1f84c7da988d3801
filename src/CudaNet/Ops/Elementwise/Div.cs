namespace CudaNet;

internal sealed class DivOp() : BinaryOp("div")
{
    public static readonly DivOp Instance = new();

    internal override CpuKernel Cpu => CpuElementwise.Div;

    protected internal override Saved Saves => Saved.Inputs(1).AndOutputs(0);

    protected override double Evaluate(double a, double b) => a / b;

    protected override Tensor GradInput(BackwardCall call, Tensor gradient) => gradient.Div(call.Input(1));

    protected override Tensor GradOther(BackwardCall call, Tensor gradient) =>
        gradient.Mul(call.Output()).Div(call.Input(1)).Neg();

    protected override CaseInput DrawOther(DType dtype, long[] shape) => Draw.Away(0.5, 2, shape);
}

/// <summary>Division.</summary>
public static class DivExtensions
{
    extension(Tensor input)
    {
        /// <summary>input / other, broadcast; floating dtypes only. Shapes must broadcast by NumPy's rule and dtypes be equal.</summary>
        public Tensor Div(Tensor other) => DivOp.Instance.Apply([input, other]);

        /// <inheritdoc cref="Div"/>
        public static Tensor operator /(Tensor a, Tensor b) => DivOp.Instance.Apply([a, b]);
    }
}
