using CudaNet.Random;

namespace CudaNet;

/// <summary>Uniform values: low + (high − low)·u, where u has 24 random bits (53 for f64).</summary>
internal sealed class UniformOp()
    : ShapedRandomOp(
        "uniform",
        "state; shape: ints, low: float = 0, high: float = 1, dtype: dtype = f32, offset: int = 0 -> output"
    )
{
    public static readonly UniformOp Instance = new();

    public override bool IsExact => true;

    internal override int OffsetAttribute => 4;

    protected override void CheckAttributes(in OpCall call)
    {
        var (low, high) = (call.Attributes.Float(1), call.Attributes.Float(2));
        if (!(low <= high) || !double.IsFinite(high - low))
            throw new AttributeException($"uniform: expected finite low ≤ high, got {low} and {high}");
    }

    internal override void Fill(
        in (uint W0, uint W1, uint W2, uint W3) block,
        Span<double> lanes,
        DType dtype,
        Attributes attributes
    )
    {
        RandomFormulas.Uniform(block, lanes);
        var (low, high) = (attributes.Float(1), attributes.Float(2));
        foreach (ref var lane in lanes)
        {
            lane = low + (high - low) * lane;
            // 16-bit outputs are rounded f32 values, on every device.
            if (dtype != DType.Float64)
                lane = (float)lane;
        }
    }

    protected override Attributes CaseAttributes(long[] shape, DType dtype, long offset) =>
        Attributes.Of(shape, -1.5, 3.25, dtype, offset);
}
