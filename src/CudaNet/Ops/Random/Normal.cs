using CudaNet.Random;

namespace CudaNet;

/// <summary>Normal values by the method of Box and Muller.</summary>
internal sealed class NormalOp()
    : ShapedRandomOp(
        "normal",
        "state; shape: ints, mean: float = 0, std: float = 1, dtype: dtype = f32, offset: int = 0 -> output"
    )
{
    public static readonly NormalOp Instance = new();

    internal override int OffsetAttribute => 4;

    protected override void CheckAttributes(in OpCall call)
    {
        var (mean, std) = (call.Attributes.Float(1), call.Attributes.Float(2));
        if (!double.IsFinite(mean) || !double.IsFinite(std) || std < 0)
            throw new AttributeException($"normal: expected a finite mean and std ≥ 0, got {mean} and {std}");
    }

    internal override void Fill(
        in (uint W0, uint W1, uint W2, uint W3) block,
        Span<double> lanes,
        DType dtype,
        Attributes attributes
    )
    {
        RandomFormulas.Normal(block, lanes);
        foreach (ref var lane in lanes)
            lane = attributes.Float(1) + attributes.Float(2) * lane;
    }

    public override void Reference(ReferenceCall call)
    {
        base.Reference(call);
        var (y, mean) = (call.Output(), call.Attributes.Float(1));
        for (long i = 0; i < y.Shape.NumElements; i++)
            y.Magnitude[i] = Math.Abs(mean) + Math.Abs(y[i] - mean);
    }

    public override double Flops(in OpCall call) => 8.0 * call.Output(0).NumElements;

    protected override Attributes CaseAttributes(long[] shape, DType dtype, long offset) =>
        Attributes.Of(shape, 0.5, 2.0, dtype, offset);
}
