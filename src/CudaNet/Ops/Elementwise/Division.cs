namespace CudaNet;

/// <summary>
/// What remainders and whole quotients share: any number dtype. Division of integers by 0 gives 0 on every device, where PyTorch throws on the
/// CPU and leaves the result open on GPUs; the lowest integer divided by −1 wraps to itself.
/// </summary>
internal abstract class DivisionOp(string name) : BinaryOp(name)
{
    protected override DType RequireDType(in OpCall call) => CaseSizes.RequireNumber(call);

    protected override IEnumerable<DType> CaseDTypes => CaseSizes.Numbers;

    public override void Reference(ReferenceCall call)
    {
        var (a, b, y) = (call.Input(0), call.Input(1), call.Output());
        for (long i = 0; i < y.Shape.NumElements; i++)
            y[i] = !y.DType.IsFloating && b[i] == 0 ? 0 : Evaluate(a[i], b[i]);
    }

    protected override CaseInput DrawOther(DType dtype, long[] shape) =>
        dtype == DType.UInt8 ? new CaseInput(shape, DrawKind.Integers, 0, 4)
        : dtype.IsFloating ? Draw.Away(0.25, 2, shape)
        : new CaseInput(shape, DrawKind.Integers, -7, 7);

    // Quotients between whole numbers.
    protected override CaseInput[] DrawForGradient(long[] input, long[] other) =>
        [Draw.Uniform(4.3, 4.7, input), Draw.Uniform(1, 1.05, other)];

    /// <summary>a less the multiple of b that is nearest towards −∞; it has the sign of b.</summary>
    protected static double Remainder(double a, double b)
    {
        var rest = a % b;
        return rest != 0 && rest < 0 != b < 0 ? rest + b : rest;
    }
}
