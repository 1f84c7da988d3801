using CudaNet.Random;

namespace CudaNet;

/// <summary>Ones with probability p, else zeros: u &lt; p for the u of an f32 uniform draw.</summary>
internal sealed class BernoulliOp()
    : ShapedRandomOp("bernoulli", "state; shape: ints, p: float = 0.5, dtype: dtype = f32, offset: int = 0 -> output")
{
    public static readonly BernoulliOp Instance = new();

    public override bool IsExact => true;

    internal override int OffsetAttribute => 3;

    protected override bool Takes(DType dtype) => true;

    internal override int Lanes(DType dtype) => 4;

    protected override void CheckAttributes(in OpCall call) => RequireProbability(Name, call.Attributes.Float(1));

    internal static void RequireProbability(string op, double p)
    {
        if (!(p >= 0 && p <= 1))
            throw new AttributeException($"{op}: expected a probability from 0 to 1, got {p}");
    }

    internal override void Fill(
        in (uint W0, uint W1, uint W2, uint W3) block,
        Span<double> lanes,
        DType dtype,
        Attributes attributes
    )
    {
        RandomFormulas.Uniform(block, lanes);
        foreach (ref var lane in lanes)
            lane = lane < attributes.Float(1) ? 1 : 0;
    }

    protected override Attributes CaseAttributes(long[] shape, DType dtype, long offset) =>
        Attributes.Of(shape, 0.3, dtype, offset);
}
