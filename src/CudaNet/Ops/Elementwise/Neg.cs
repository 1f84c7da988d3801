namespace CudaNet;

internal sealed class NegOp() : UnaryOp("neg")
{
    public static readonly NegOp Instance = new();

    internal override CpuKernel Cpu => CpuElementwise.Neg;

    protected override double Evaluate(double x) => -x;

    protected override Tensor GradInput(BackwardCall call, Tensor gradient) => gradient.Neg();

    protected override DType RequireDType(in OpCall call)
    {
        var dtype = CaseSizes.RequireNumber(call);
        return dtype == DType.UInt8
            ? throw call.DTypeError("expected a signed dtype; convert with Cast(DType.Int32)")
            : dtype;
    }

    protected override IEnumerable<DType> CaseDTypes => [.. CaseSizes.Floating, DType.Int64, DType.Int32];
}

/// <summary>The sign turned round.</summary>
public static class NegExtensions
{
    extension(Tensor input)
    {
        /// <summary>−input. Signed dtypes only; the lowest integer wraps to itself.</summary>
        public Tensor Neg() => NegOp.Instance.Apply([input]);

        /// <inheritdoc cref="Neg"/>
        public static Tensor operator -(Tensor a) => NegOp.Instance.Apply([a]);
    }
}
