namespace CudaNet;

/// <summary>The six comparisons. A comparison with NaN is false, except ne.</summary>
internal sealed class CompareOp : BroadcastOp
{
    private readonly Func<double, double, bool> _compare;

    private CompareOp(string name, CpuKernel cpu, Func<double, double, bool> compare)
        : base(name) => (Cpu, _compare) = (cpu, compare);

    public static readonly CompareOp Eq = new("eq", CpuElementwise.Eq, (a, b) => a == b);

    public static readonly CompareOp Ne = new("ne", CpuElementwise.Ne, (a, b) => a != b);

    public static readonly CompareOp Lt = new("lt", CpuElementwise.Lt, (a, b) => a < b);

    public static readonly CompareOp Le = new("le", CpuElementwise.Le, (a, b) => a <= b);

    public static readonly CompareOp Gt = new("gt", CpuElementwise.Gt, (a, b) => a > b);

    public static readonly CompareOp Ge = new("ge", CpuElementwise.Ge, (a, b) => a >= b);

    internal override CpuKernel Cpu { get; }

    public override bool IsExact => true;

    public override string NoBackwardReason => "its output is true or false, which does not change smoothly";

    protected override DType RequireDType(in OpCall call) => call.RequireSameDType();

    protected override DType OutputDType(DType input) => DType.Bool;

    protected override double Evaluate(double a, double b) => _compare(a, b) ? 1 : 0;

    protected override IEnumerable<DType> CaseDTypes => DTypes.All;

    // Few different values, so that many pairs are equal.
    protected override CaseInput DrawInput(DType dtype, long[] shape) =>
        new(shape, DrawKind.Integers, dtype is DType.UInt8 or DType.Bool ? 0 : -2, dtype == DType.Bool ? 2 : 3);

    protected override CaseInput DrawOther(DType dtype, long[] shape) => DrawInput(dtype, shape);
}

/// <summary>Comparisons, element by element.</summary>
public static class CompareExtensions
{
    extension(Tensor input)
    {
        /// <summary>input = other as bool, broadcast. Shapes must broadcast by NumPy's rule and dtypes be equal.</summary>
        public Tensor Eq(Tensor other) => CompareOp.Eq.Apply([input, other]);

        /// <summary>input = number as bool; the number is rounded to a floating dtype, and an integer dtype must hold it.</summary>
        public Tensor Eq(double other) => CompareOp.Eq.Apply([input, input.Number(other, "eq")]);

        /// <summary>input ≠ other as bool, broadcast. Shapes must broadcast by NumPy's rule and dtypes be equal.</summary>
        public Tensor Ne(Tensor other) => CompareOp.Ne.Apply([input, other]);

        /// <summary>input ≠ number as bool; the number is rounded to a floating dtype, and an integer dtype must hold it.</summary>
        public Tensor Ne(double other) => CompareOp.Ne.Apply([input, input.Number(other, "ne")]);

        /// <summary>input &lt; other as bool, broadcast. Shapes must broadcast by NumPy's rule and dtypes be equal.</summary>
        public Tensor Lt(Tensor other) => CompareOp.Lt.Apply([input, other]);

        /// <summary>input &lt; number as bool; the number is rounded to a floating dtype, and an integer dtype must hold it.</summary>
        public Tensor Lt(double other) => CompareOp.Lt.Apply([input, input.Number(other, "lt")]);

        /// <summary>input ≤ other as bool, broadcast. Shapes must broadcast by NumPy's rule and dtypes be equal.</summary>
        public Tensor Le(Tensor other) => CompareOp.Le.Apply([input, other]);

        /// <summary>input ≤ number as bool; the number is rounded to a floating dtype, and an integer dtype must hold it.</summary>
        public Tensor Le(double other) => CompareOp.Le.Apply([input, input.Number(other, "le")]);

        /// <summary>input &gt; other as bool, broadcast. Shapes must broadcast by NumPy's rule and dtypes be equal.</summary>
        public Tensor Gt(Tensor other) => CompareOp.Gt.Apply([input, other]);

        /// <summary>input &gt; number as bool; the number is rounded to a floating dtype, and an integer dtype must hold it.</summary>
        public Tensor Gt(double other) => CompareOp.Gt.Apply([input, input.Number(other, "gt")]);

        /// <summary>input ≥ other as bool, broadcast. Shapes must broadcast by NumPy's rule and dtypes be equal.</summary>
        public Tensor Ge(Tensor other) => CompareOp.Ge.Apply([input, other]);

        /// <summary>input ≥ number as bool; the number is rounded to a floating dtype, and an integer dtype must hold it.</summary>
        public Tensor Ge(double other) => CompareOp.Ge.Apply([input, input.Number(other, "ge")]);

        /// <inheritdoc cref="Lt(Tensor, Tensor)"/>
        public static Tensor operator <(Tensor a, Tensor b) => a.Lt(b);

        /// <inheritdoc cref="Lt(Tensor, double)"/>
        public static Tensor operator <(Tensor a, double b) => a.Lt(b);

        /// <inheritdoc cref="Gt(Tensor, Tensor)"/>
        public static Tensor operator >(Tensor a, Tensor b) => a.Gt(b);

        /// <inheritdoc cref="Gt(Tensor, double)"/>
        public static Tensor operator >(Tensor a, double b) => a.Gt(b);

        /// <inheritdoc cref="Le(Tensor, Tensor)"/>
        public static Tensor operator <=(Tensor a, Tensor b) => a.Le(b);

        /// <inheritdoc cref="Le(Tensor, double)"/>
        public static Tensor operator <=(Tensor a, double b) => a.Le(b);

        /// <inheritdoc cref="Ge(Tensor, Tensor)"/>
        public static Tensor operator >=(Tensor a, Tensor b) => a.Ge(b);

        /// <inheritdoc cref="Ge(Tensor, double)"/>
        public static Tensor operator >=(Tensor a, double b) => a.Ge(b);
    }
}
