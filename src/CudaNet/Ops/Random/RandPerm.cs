using CudaNet.Random;

namespace CudaNet;

/// <summary>A random permutation of 0 … n − 1; takes one counter.</summary>
internal sealed class RandPermOp() : RandomOp("randperm", "state; n: int, offset: int = 0 -> output")
{
    public static readonly RandPermOp Instance = new();

    public override bool IsExact => true;

    internal override CpuKernel? Cpu => CpuRandom.RandPerm;

    internal override int OffsetAttribute => 1;

    internal override long Counters(Shape shape, DType dtype) => 1;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        RequireState(call, 0);
        var n = call.Attributes.Int(0);
        if (n < 0)
            throw new AttributeException($"randperm: expected n ≥ 0, got {n}");
        outputs[0] = new(new Shape(n), DType.Int64);
    }

    public override void Reference(ReferenceCall call)
    {
        var y = call.Output();
        var (seed, first) = Origin(call.Input(0), call.Attributes.Int(OffsetAttribute));
        var images = new long[y.Shape.NumElements];
        SwapOrNot.Map(seed, first, images.Length, 0, images);
        for (var i = 0; i < images.Length; i++)
            y[i] = images[i];
    }

    public override double Flops(in OpCall call) => 0;

    public override IEnumerable<OpCase> Cases()
    {
        foreach (var n in CaseSizes.Lengths.Append(2).Append(3))
            yield return new OpCase(this, DType.Int64, $"n={n}", [State], Attributes.Of(n, 11L));
        yield return new OpCase(this, DType.Int64, "n=1048576", [State], Attributes.Of(1048576L, 0L))
        {
            IsBenchmark = true,
        };
    }
}
