namespace CudaNet;

/// <summary>Whole slices along one axis, in the order and as often as a vector of positions names them.</summary>
internal sealed class IndexSelectOp() : Op("index_select", "input, index; dim: int -> output")
{
    public static readonly IndexSelectOp Instance = new();

    public override OpKind Kind => OpKind.Composition;

    public override bool IsExact => true;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs) =>
        outputs[0] = new(Output(call.Input(0).Shape, call.Input(1).Shape, call.Attributes.Int(0)), call.Input(0).DType);

    protected internal override Tensor?[] Compose(ReadOnlySpan<Tensor?> inputs, Attributes attributes)
    {
        var (input, index) = (inputs[0]!, inputs[1]!);
        var shape = Output(input.Shape, index.Shape, attributes.Int(0));
        var dim = input.Shape.Axis(attributes.Int(0), Name);
        var column = new long[input.Rank];
        Array.Fill(column, 1);
        column[dim] = index.NumElements;
        // Expanded, the index takes no memory: gather reads it through stride 0.
        return [input.Gather(dim, index.Reshape(column).Expand(shape.Dims))];
    }

    private Shape Output(Shape input, Shape index, long dim)
    {
        if (input.Rank == 0 || index.Rank != 1)
            throw new ShapeException(
                $"index_select(input {input}, index {index}): expected an input with an axis and an index with exactly one"
            );
        return input.With(input.Axis(dim, Name), index[0]);
    }

    public override void Reference(ReferenceCall call)
    {
        var (x, index, y) = (call.Input(0), call.Input(1), call.Output());
        var dim = x.Shape.Axis(call.Attributes.Int(0), Name);
        var inner = x.Shape.ContiguousStrides[dim];
        for (long i = 0; i < y.Shape.NumElements; i++)
        {
            var (outer, at) = (i / inner / y.Shape[dim], i / inner % y.Shape[dim]);
            y[i] = x[(outer * x.Shape[dim] + (long)index[at]) * inner + i % inner];
        }
    }

    public override IEnumerable<OpCase> Cases()
    {
        foreach (var dim in new long[] { 0, 1, -1 })
            yield return new OpCase(
                this,
                DType.Float32,
                $"shape=5x7x3,index=11,dim={dim}",
                [Draw.Normal(5, 7, 3), Draw.Indices(3, 11)],
                Attributes.Of(dim)
            );
        yield return new OpCase(
            this,
            DType.Float32,
            "shape=4096x256,index=4096,dim=0",
            [Draw.Normal(4096, 256), Draw.Indices(4096, 4096)],
            Attributes.Of(0L)
        )
        {
            IsBenchmark = true,
        };
        yield return new OpCase(
            this,
            DType.Float64,
            "shape=3x2,index=4,dim=0",
            [Draw.Normal(3, 2), Draw.Indices(3, 4)],
            Attributes.Of(0L)
        )
        {
            CheckGradient = true,
        };
    }
}
