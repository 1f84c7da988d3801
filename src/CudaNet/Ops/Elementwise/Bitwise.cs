namespace CudaNet;

/// <summary>What the bitwise ops of two operands share: integers, and bool as one bit.</summary>
internal abstract class BitwiseOp(string name) : BroadcastOp(name)
{
    public override bool IsExact => true;

    public override string NoBackwardReason => "it works on bits, which have no derivatives";

    protected override DType RequireDType(in OpCall call)
    {
        var dtype = call.RequireSameDType();
        return dtype.IsFloating
            ? throw call.DTypeError("expected integers or bool; convert with Cast(DType.Int64)")
            : dtype;
    }

    protected abstract long Combine(long a, long b);

    protected override double Evaluate(double a, double b) => Combine((long)a, (long)b);

    protected override IEnumerable<DType> CaseDTypes => [DType.Int64, DType.Int32, DType.UInt8, DType.Bool];
}
