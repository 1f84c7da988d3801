namespace CudaNet;

/// <summary>One value where a mask is true.</summary>
internal sealed class MaskedFillOp() : Op("masked_fill", "input, mask; value: float -> output")
{
    public static readonly MaskedFillOp Instance = new();

    public override OpKind Kind => OpKind.Composition;

    public override bool IsExact => true;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs) =>
        outputs[0] = new(RequireMask(call.Input(0), call.Input(1)), call.Input(0).DType);

    protected internal override Tensor?[] Compose(ReadOnlySpan<Tensor?> inputs, Attributes attributes)
    {
        RequireMask(inputs[0]!, inputs[1]!);
        return [Tensor.Where(inputs[1]!, attributes.Float(0), inputs[0]!)];
    }

    private static Shape RequireMask(Tensor input, Tensor mask)
    {
        if (mask.DType != DType.Bool)
            throw new DTypeException(
                $"masked_fill(input {input.Shape} {input.DType.Name}, mask {mask.Shape} {mask.DType.Name}): expected a mask of dtype "
                    + "bool; make one with a comparison such as Gt"
            );
        if (Shape.Broadcast(input.Shape, mask.Shape) is not { } shape || !shape.Equals(input.Shape))
            throw new ShapeException(
                $"masked_fill(input {input.Shape}, mask {mask.Shape}): expected a mask that broadcasts to the input"
            );
        return shape;
    }

    public override void Reference(ReferenceCall call)
    {
        var (x, mask, y) = (call.Input(), call.Input(1), call.Output());
        for (long i = 0; i < y.Shape.NumElements; i++)
            y[i] = mask[MaskPlace(i, y.Shape, mask.Shape)] != 0 ? call.Attributes.Float(0) : x[i];
    }

    private static long MaskPlace(long i, Shape shape, Shape mask)
    {
        long place = 0;
        for (var axis = 1; axis <= mask.Rank; axis++)
            if (mask[-axis] != 1)
                place += i / shape.ContiguousStrides[^axis] % shape[-axis] * mask.ContiguousStrides[^axis];
        return place;
    }

    public override IEnumerable<OpCase> Cases()
    {
        yield return Case(DType.Float32, [5, 33], [5, 33]);
        yield return Case(DType.Float32, [2, 5, 7], [5, 1]);
        yield return Case(DType.Float32, [0, 3], [3]);
        yield return Case(DType.Int64, [4, 3], []);
        yield return Case(DType.Float64, [3, 4], [4]) with
        {
            CheckGradient = true,
        };
        yield return Case(DType.Float32, [1024, 1024], [1024, 1024]) with
        {
            IsBenchmark = true,
        };
    }

    private OpCase Case(DType dtype, long[] shape, long[] mask) =>
        new(
            this,
            dtype,
            $"shape={string.Join('x', shape)},mask={string.Join('x', mask)}",
            [CaseSizes.Draw(dtype, shape), Draw.Bools(mask)],
            Attributes.Of(3.0)
        );
}

/// <summary>Filling by a mask.</summary>
public static class MaskedFillExtensions
{
    extension(Tensor input)
    {
        /// <summary>
        /// A copy with <paramref name="value"/> where <paramref name="mask"/>, of dtype bool, is true. The mask must broadcast to the
        /// input; no gradient flows where it is true.
        /// </summary>
        public Tensor MaskedFill(Tensor mask, double value) =>
            MaskedFillOp.Instance.Apply([input, mask], Attributes.Of(value));
    }
}
