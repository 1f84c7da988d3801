namespace CudaNet;

internal sealed class FlipOp() : Op("flip", "input; dims: ints -> output")
{
    public static readonly FlipOp Instance = new();

    protected internal override bool AcceptsStrides => true;

    public override bool IsExact => true;

    internal override CpuKernel? Cpu => CpuMovement.Flip;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var input = call.Input(0);
        var seen = new bool[Math.Max(1, input.Rank)];
        foreach (var dim in call.Attributes.Ints(0))
        {
            var axis = input.Rank > 0 ? input.Shape.Axis(dim, Name) : throw call.ShapeError("a scalar has no axes");
            if (seen[axis])
                throw call.ShapeError($"axis {dim} is named twice");
            seen[axis] = true;
        }
        outputs[0] = new(input.Shape, input.DType);
    }

    public override void Reference(ReferenceCall call)
    {
        var (x, y) = (call.Input(), call.Output());
        for (long i = 0; i < y.Shape.NumElements; i++)
        {
            var from = i;
            foreach (var dim in call.Attributes.Ints(0))
            {
                var axis = x.Shape.Axis(dim, Name);
                var (step, extent) = (x.Shape.ContiguousStrides[axis], x.Shape[axis]);
                from += (extent - 1 - 2 * (i / step % extent)) * step;
            }
            y[i] = x[from];
        }
    }

    protected internal override void Backward(BackwardCall call) =>
        call.Set(0, call.GradOutput().Flip(call.Attributes.Ints(0)));

    public override double Flops(in OpCall call) => 0;

    public override IEnumerable<OpCase> Cases()
    {
        foreach (var dtype in DTypes.All)
        {
            foreach (var n in CaseSizes.Lengths)
                yield return Case(dtype, [n], 0);
            yield return Case(dtype, [5, 33, 7], 0, 2);
        }
        foreach (var dims in new long[][] { [], [0], [1], [-1], [1, 0], [0, 1, 2] })
        foreach (var layout in Enum.GetValues<CaseLayout>())
            yield return Case(DType.Float32, [5, 33, 7], dims).With(layout);
        yield return Case(DType.Float64, [2, 3, 2], 0, -1) with
        {
            CheckGradient = true,
        };
        yield return Case(DType.Float32, [1024, 1024], 1) with
        {
            IsBenchmark = true,
        };
    }

    private OpCase Case(DType dtype, long[] shape, params long[] dims) =>
        new(
            this,
            dtype,
            $"shape={string.Join('x', shape)},dims={string.Join('+', dims)}",
            [CaseSizes.Draw(dtype, shape)],
            Attributes.Of(dims)
        );
}

/// <summary>Reversed axes.</summary>
public static class FlipExtensions
{
    extension(Tensor input)
    {
        /// <summary>A copy with the order of the positions along these axes reversed.</summary>
        /// <exception cref="ShapeException">An axis does not exist or is named twice.</exception>
        public Tensor Flip(params ReadOnlySpan<long> dims) => FlipOp.Instance.Apply([input], Attributes.Of(dims));
    }
}
