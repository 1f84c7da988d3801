namespace CudaNet;

/// <summary>What the six comparisons share. A comparison with NaN is false, except ne.</summary>
internal abstract class CompareOp(string name) : BroadcastOp(name)
{
    public override bool IsExact => true;

    public override string NoBackwardReason => "its output is true or false, which does not change smoothly";

    protected override DType RequireDType(in OpCall call) => call.RequireSameDType();

    protected override DType OutputDType(DType input) => DType.Bool;

    protected abstract bool Compare(double a, double b);

    protected override double Evaluate(double a, double b) => Compare(a, b) ? 1 : 0;

    protected override IEnumerable<DType> CaseDTypes => DTypes.All;

    // Few different values, so that many pairs are equal.
    protected override CaseInput DrawInput(DType dtype, long[] shape) =>
        new(shape, DrawKind.Integers, dtype is DType.UInt8 or DType.Bool ? 0 : -2, dtype == DType.Bool ? 2 : 3);

    protected override CaseInput DrawOther(DType dtype, long[] shape) => DrawInput(dtype, shape);
}

/// <summary>The comparison operators.</summary>
public static class CompareExtensions
{
    extension(Tensor input)
    {
        /// <inheritdoc cref="LtExtensions.Lt(Tensor, Tensor)"/>
        public static Tensor operator <(Tensor a, Tensor b) => a.Lt(b);

        /// <inheritdoc cref="LtExtensions.Lt(Tensor, double)"/>
        public static Tensor operator <(Tensor a, double b) => a.Lt(b);

        /// <inheritdoc cref="GtExtensions.Gt(Tensor, Tensor)"/>
        public static Tensor operator >(Tensor a, Tensor b) => a.Gt(b);

        /// <inheritdoc cref="GtExtensions.Gt(Tensor, double)"/>
        public static Tensor operator >(Tensor a, double b) => a.Gt(b);

        /// <inheritdoc cref="LeExtensions.Le(Tensor, Tensor)"/>
        public static Tensor operator <=(Tensor a, Tensor b) => a.Le(b);

        /// <inheritdoc cref="LeExtensions.Le(Tensor, double)"/>
        public static Tensor operator <=(Tensor a, double b) => a.Le(b);

        /// <inheritdoc cref="GeExtensions.Ge(Tensor, Tensor)"/>
        public static Tensor operator >=(Tensor a, Tensor b) => a.Ge(b);

        /// <inheritdoc cref="GeExtensions.Ge(Tensor, double)"/>
        public static Tensor operator >=(Tensor a, double b) => a.Ge(b);
    }
}
