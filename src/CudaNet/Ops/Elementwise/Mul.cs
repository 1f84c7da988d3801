namespace CudaNet;

internal sealed class MulOp() : BinaryOp("mul")
{
    public static readonly MulOp Instance = new();

    protected internal override Saved Saves => Saved.AllInputs;

    internal override CpuKernel Cpu => CpuElementwise.Mul;

    protected override DType RequireDType(in OpCall call) => CaseSizes.RequireNumber(call);

    protected override IEnumerable<DType> CaseDTypes => CaseSizes.Numbers;

    protected override double Evaluate(double a, double b) => a * b;

    protected override Tensor GradInput(BackwardCall call, Tensor gradient) => gradient.Mul(call.Input(1));

    protected override Tensor GradOther(BackwardCall call, Tensor gradient) => gradient.Mul(call.Input(0));
}

/// <summary>Multiplication, element by element.</summary>
public static class MulExtensions
{
    extension(Tensor input)
    {
        /// <summary>input · other, broadcast. Shapes must broadcast by NumPy's rule and dtypes be equal; integers wrap.</summary>
        public Tensor Mul(Tensor other) => MulOp.Instance.Apply([input, other]);

        /// <inheritdoc cref="Mul"/>
        public static Tensor operator *(Tensor a, Tensor b) => MulOp.Instance.Apply([a, b]);
    }
}
