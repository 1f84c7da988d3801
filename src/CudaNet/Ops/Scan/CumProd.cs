namespace CudaNet;

internal sealed class CumProdOp() : ScanOp("cumprod")
{
    public static readonly CumProdOp Instance = new();

    protected internal override Saved Saves => Saved.Inputs(0).AndOutputs(0);

    internal override CpuKernel? Cpu => CpuScan.CumProd;

    protected override void Line(ReferenceCall call, long first, long step, long n)
    {
        var (x, y) = (call.Input(), call.Output());
        double product = 1;
        for (long i = 0, at = first; i < n; i++, at += step)
            y[at] = product *= x[at];
    }

    /// <summary>
    /// Σ over k ≥ i of g[k] Π over j ≤ k, j ≠ i of x[j] is the product before i times r[i] = g[i] + x[i + 1] r[i + 1]: right with zeros,
    /// and without a division.
    /// </summary>
    protected internal override void Backward(BackwardCall call)
    {
        var (dim, back) = Along(call, back: true);
        var before = Neighbours.Shift(call.Output(), dim, forward: back, fill: 1);
        var next = Neighbours.Shift(call.Input(0), dim, forward: !back, fill: 0);
        call.Set(0, before.Mul(call.GradOutput().LinearRecurrence(next, dim, back)));
    }

    // Near 1, so that products of thousands stay within the range of every dtype.
    protected override CaseInput[] DrawInputs(params long[] shape) => [Draw.Away(0.95, 1.05, shape)];

    protected override IEnumerable<(string, CaseInput[])> GradientInputs(params long[] shape) =>
        [("", [Draw.Away(0.5, 2, shape)]), (",zeros", [new CaseInput(shape, DrawKind.Integers, -1, 3)])];

    public override IEnumerable<OpCase> Cases()
    {
        foreach (var opCase in base.Cases())
            yield return opCase;
        foreach (var dtype in new[] { DType.Int64, DType.Int32, DType.UInt8, DType.Bool })
        foreach (var dim in new long[] { 0, 1 })
            yield return Case(
                dtype,
                $"shape=13x37,dim={dim}",
                [new CaseInput([13, 37], DrawKind.Integers, dtype.Size == 1 ? 0 : -1, 2)],
                dim
            );
    }
}

/// <summary>Cumulative products.</summary>
public static class CumProdExtensions
{
    extension(Tensor input)
    {
        /// <summary>The products of the elements along <paramref name="dim"/> up to each one, or, with <paramref name="reverse"/>, from each
        /// one on. Integers and booleans give i64, which wraps. The gradient is right where elements are 0.</summary>
        /// <exception cref="ShapeException">There is no such axis.</exception>
        public Tensor CumProd(int dim, bool reverse = false) =>
            CumProdOp.Instance.Apply([input], Attributes.Of((long)dim, reverse));
    }
}
