namespace CudaNet;

internal sealed class CumSumOp() : ScanOp("cumsum")
{
    public static readonly CumSumOp Instance = new();

    internal override CpuKernel? Cpu => CpuScan.CumSum;

    protected override void Line(ReferenceCall call, long first, long step, long n)
    {
        var (x, y) = (call.Input(), call.Output());
        double sum = 0,
            magnitude = 0;
        for (long i = 0, at = first; i < n; i++, at += step)
        {
            y[at] = sum += x[at];
            y.Magnitude[at] = magnitude += Math.Abs(x[at]);
        }
    }

    protected internal override void Backward(BackwardCall call)
    {
        var (dim, reverse) = Along(call, back: true);
        call.Set(0, call.GradOutput().CumSum(dim, reverse));
    }

    protected override CaseInput[] DrawInputs(params long[] shape) => [Draw.Normal(shape)];

    public override IEnumerable<OpCase> Cases()
    {
        foreach (var opCase in base.Cases())
            yield return opCase;
        foreach (var dtype in new[] { DType.Int64, DType.Int32, DType.UInt8, DType.Bool })
        foreach (var dim in new long[] { 0, 1 })
            yield return Case(dtype, $"shape=71x37,dim={dim}", [CaseSizes.Draw(dtype, [71, 37])], dim);
    }
}

/// <summary>Cumulative sums.</summary>
public static class CumSumExtensions
{
    extension(Tensor input)
    {
        /// <summary>The sums of the elements along <paramref name="dim"/> up to each one, or, with <paramref name="reverse"/>, from each
        /// one on. Integers and booleans give i64.</summary>
        /// <exception cref="ShapeException">There is no such axis.</exception>
        public Tensor CumSum(int dim, bool reverse = false) =>
            CumSumOp.Instance.Apply([input], Attributes.Of((long)dim, reverse));
    }
}
