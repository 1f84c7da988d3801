namespace CudaNet;

internal sealed class AddOp() : BinaryOp("add")
{
    public static readonly AddOp Instance = new();

    internal override CpuKernel Cpu => CpuElementwise.Add;

    protected override DType RequireDType(in OpCall call) => CaseSizes.RequireNumber(call);

    protected override IEnumerable<DType> CaseDTypes => CaseSizes.Numbers;

    protected override double Evaluate(double a, double b) => a + b;

    protected override double Magnitude(double a, double b) => Math.Abs(a) + Math.Abs(b);

    protected override Tensor GradInput(BackwardCall call, Tensor gradient) => gradient;

    protected override Tensor GradOther(BackwardCall call, Tensor gradient) => gradient;
}

/// <summary>Addition.</summary>
public static class AddExtensions
{
    extension(Tensor input)
    {
        /// <summary>input + other, broadcast. Shapes must broadcast by NumPy's rule and dtypes be equal; integers wrap.</summary>
        public Tensor Add(Tensor other) => AddOp.Instance.Apply([input, other]);

        /// <inheritdoc cref="Add"/>
        public static Tensor operator +(Tensor a, Tensor b) => AddOp.Instance.Apply([a, b]);
    }
}
