namespace CudaNet;

internal sealed class BitwiseNotOp() : UnaryOp("bitwise_not")
{
    public static readonly BitwiseNotOp Instance = new();

    internal override CpuKernel Cpu => CpuPointwise.BitwiseNot;

    public override bool IsExact => true;

    public override string NoBackwardReason => "it works on bits, which have no derivatives";

    protected override DType RequireDType(in OpCall call) =>
        call.Input(0).DType is { IsFloating: false } dtype
            ? dtype
            : throw call.DTypeError("expected integers or bool; convert with Cast(DType.Int64)");

    protected override double Evaluate(double x) => -1 - x;

    public override void Reference(ReferenceCall call)
    {
        var (x, y) = (call.Input(), call.Output());
        // All bits of the unsigned dtypes, from 0: 255 − x, and 1 − x for bool.
        var ones =
            y.DType == DType.UInt8 ? byte.MaxValue
            : y.DType == DType.Bool ? 1
            : -1;
        for (long i = 0; i < y.Shape.NumElements; i++)
            y[i] = ones - x[i];
    }

    protected override Tensor GradInput(BackwardCall call, Tensor gradient) =>
        throw new AutogradException(NoBackwardReason);

    protected override IEnumerable<DType> CaseDTypes => [DType.Int64, DType.Int32, DType.UInt8, DType.Bool];
}

/// <summary>The bitwise complement.</summary>
public static class BitwiseNotExtensions
{
    extension(Tensor input)
    {
        /// <summary>All bits turned round; of bool, the logical complement.</summary>
        public Tensor BitwiseNot() => BitwiseNotOp.Instance.Apply([input]);

        /// <inheritdoc cref="BitwiseNot"/>
        public static Tensor operator ~(Tensor a) => a.BitwiseNot();
    }
}
