namespace CudaNet;

/// <summary>Rows of a table, by number. The row padding_idx, if there is one, gets no gradient.</summary>
internal sealed class EmbeddingOp() : Op("embedding", "input, weight; padding_idx: int = -1 -> output")
{
    public static readonly EmbeddingOp Instance = new();

    public override bool IsExact => true;

    protected internal override Saved Saves => Saved.Inputs(0);

    internal override CpuKernel? Cpu => CpuEmbedding.Forward;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var (indices, weight) = (call.Input(0), call.Input(1));
        if (indices.DType != DType.Int64)
            throw call.DTypeError("expected row numbers of dtype i64; convert with Cast(DType.Int64)");
        if (weight.Rank != 2)
            throw call.ShapeError("expected a weight (rows, columns)");
        if (!weight.DType.IsFloating)
            throw call.DTypeError("expected a weight of a floating dtype");
        var padding = call.Attributes.Int(0);
        if (padding < -1 || padding >= weight.Shape[0])
            throw new AttributeException(
                $"{call.Describe()}: padding_idx must be one of the {weight.Shape[0]} rows or −1 for none; got {padding}"
            );
        outputs[0] = new(new Shape([.. indices.Shape.Dims, weight.Shape[1]]), weight.DType);
    }

    public override void Reference(ReferenceCall call)
    {
        var (indices, weight, y) = (call.Input(), call.Input(1), call.Output());
        var columns = weight.Shape[1];
        for (long i = 0; i < y.Shape.NumElements; i++)
        {
            var row = (long)indices[i / columns];
            if (row < 0 || row >= weight.Shape[0])
                throw GatherRules.OutOfRange(Name, row, 0, weight.Shape);
            y[i] = weight[row * columns + i % columns];
        }
    }

    protected internal override void Backward(BackwardCall call)
    {
        var (indices, gradient, table) = (call.Input(0), call.GradOutput(), call.InputShape(1));
        var (count, columns, padding) = (indices.NumElements, table[1], call.Attributes.Int(0));
        var rows = gradient.Reshape(count, columns);
        var index = indices.Reshape(count, 1);
        if (padding >= 0)
            rows = Tensor.Where(index.Eq(padding), 0, rows);
        // Expanded, the index takes no memory: scatter_add reads it through stride 0, and adds in order.
        var zeros = Tensor.Zeros(table, gradient.DType, gradient.Device);
        call.Set(1, zeros.ScatterAdd(0, index.Expand(count, columns), rows));
    }

    public override double Flops(in OpCall call) => 0;

    public override double Bytes(in OpCall call) =>
        8.0 * call.Input(0).NumElements + 2.0 * call.Output(0).NumElements * call.Output(0).DType.Size;

    public override IEnumerable<OpCase> Cases()
    {
        foreach (var dtype in CaseSizes.Floating)
        {
            yield return Case(dtype, [5], 3, 4, -1);
            yield return Case(dtype, [], 1, 1, 0);
            yield return Case(dtype, [4, 33], 31, 65, 2);
            yield return Case(dtype, [2, 3, 5], 257, 8, -1);
            yield return Case(dtype, [0, 2], 3, 4, -1);
            yield return Case(dtype, [7], 2, 1031, 1);
        }
        foreach (var layout in Enum.GetValues<CaseLayout>().Where(l => l != CaseLayout.Contiguous))
            yield return Case(DType.Float32, [4, 6], 5, 7, 1).With(layout);
        // Without padding: that its gradient is left out is no derivative that differences could show.
        yield return Case(DType.Float64, [2, 3], 4, 2, -1) with
        {
            CheckGradient = true,
        };
        yield return Case(DType.Float32, [64, 128], 4096, 256, -1) with
        {
            IsBenchmark = true,
        };
    }

    private OpCase Case(DType dtype, long[] indices, long rows, long columns, long padding) =>
        new(
            this,
            dtype,
            $"indices={string.Join('x', indices)},rows={rows},columns={columns},padding={padding}",
            [Draw.Indices(rows, indices), Draw.Normal(rows, columns)],
            Attributes.Of(padding)
        );
}

/// <summary>Tables of vectors.</summary>
public static class EmbeddingExtensions
{
    extension(Tensor weight)
    {
        /// <summary>
        /// The rows of a table (rows, columns) that <paramref name="indices"/> (i64, any shape) names: the shape of the indices and then
        /// columns. The row <paramref name="paddingIndex"/>, if it is not −1, gets no gradient. An index out of range is an error on the
        /// CPU; kernels give NaN for it. Gradients of repeated rows are added in order unless <see cref="Engine.UseDeterministicAlgorithms"/> frees it.
        /// </summary>
        public Tensor Embedding(Tensor indices, long paddingIndex = -1) =>
            EmbeddingOp.Instance.Apply([indices, weight], Attributes.Of(paddingIndex));
    }
}
