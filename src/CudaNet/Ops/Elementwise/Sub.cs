namespace CudaNet;

internal sealed class SubOp() : BinaryOp("sub")
{
    public static readonly SubOp Instance = new();

    internal override CpuKernel Cpu => CpuElementwise.Sub;

    protected override DType RequireDType(in OpCall call) => CaseSizes.RequireNumber(call);

    protected override IEnumerable<DType> CaseDTypes => CaseSizes.Numbers;

    // The textbook loop cannot wrap as a kernel does, so that unsigned operands are drawn in order.
    protected override CaseInput DrawInput(DType dtype, long[] shape) =>
        dtype == DType.UInt8 ? new CaseInput(shape, DrawKind.Integers, 8, 250) : base.DrawInput(dtype, shape);

    protected override double Evaluate(double a, double b) => a - b;

    protected override double Magnitude(double a, double b) => Math.Abs(a) + Math.Abs(b);

    protected override Tensor GradInput(BackwardCall call, Tensor gradient) => gradient;

    protected override Tensor GradOther(BackwardCall call, Tensor gradient) => gradient.Neg();
}

/// <summary>Subtraction.</summary>
public static class SubExtensions
{
    extension(Tensor input)
    {
        /// <summary>input − other, broadcast. Shapes must broadcast by NumPy's rule and dtypes be equal; integers wrap.</summary>
        public Tensor Sub(Tensor other) => SubOp.Instance.Apply([input, other]);

        /// <inheritdoc cref="Sub"/>
        public static Tensor operator -(Tensor a, Tensor b) => SubOp.Instance.Apply([a, b]);
    }
}
