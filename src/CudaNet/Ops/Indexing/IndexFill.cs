namespace CudaNet;

/// <summary>One value in the slices along an axis that a vector of positions names.</summary>
internal sealed class IndexFillOp() : Op("index_fill", "input, index; dim: int, value: float -> output")
{
    public static readonly IndexFillOp Instance = new();

    public override OpKind Kind => OpKind.Composition;

    public override bool IsExact => true;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        RequireIndex(call.Input(0), call.Input(1));
        call.Input(0).Shape.Axis(call.Attributes.Int(0), Name);
        outputs[0] = new(call.Input(0).Shape, call.Input(0).DType);
    }

    protected internal override Tensor?[] Compose(ReadOnlySpan<Tensor?> inputs, Attributes attributes)
    {
        var (input, index) = (inputs[0]!, inputs[1]!);
        RequireIndex(input, index);
        var dim = input.Shape.Axis(attributes.Int(0), Name);
        var line = new long[input.Rank];
        Array.Fill(line, 1);
        line[dim] = input.Shape[dim];
        var ones = Tensor.Ones(index.Shape, DType.Float32, input.Device);
        var hits = Tensor.Zeros([input.Shape[dim]], DType.Float32, input.Device).ScatterAdd(0, index, ones);
        return [Tensor.Where(hits.Gt(0).Reshape(line), attributes.Float(1), input)];
    }

    private static void RequireIndex(Tensor input, Tensor index)
    {
        if (input.Rank == 0 || index.Rank != 1 || index.DType != DType.Int64)
            throw new ShapeException(
                $"index_fill(input {input.Shape}, index {index.Shape} {index.DType.Name}): expected an input with an axis and a vector "
                    + "of positions, i64"
            );
    }

    public override void Reference(ReferenceCall call)
    {
        var (x, index, y) = (call.Input(), call.Input(1), call.Output());
        var dim = x.Shape.Axis(call.Attributes.Int(0), Name);
        for (long i = 0; i < y.Shape.NumElements; i++)
        {
            var at = i / x.Shape.ContiguousStrides[dim] % x.Shape[dim];
            y[i] = index.Values.Contains(at) ? call.Attributes.Float(1) : x[i];
        }
    }

    public override IEnumerable<OpCase> Cases()
    {
        foreach (var dim in new long[] { 0, 1, -1 })
            yield return Case(DType.Float32, [5, 7, 3], 4, dim);
        yield return Case(DType.Float32, [33], 0, 0);
        yield return Case(DType.Int32, [4, 9], 3, 1);
        yield return Case(DType.Float64, [3, 4], 2, 1) with
        {
            CheckGradient = true,
        };
        yield return Case(DType.Float32, [1024, 1024], 64, 0) with
        {
            IsBenchmark = true,
        };
    }

    private OpCase Case(DType dtype, long[] shape, long count, long dim) =>
        new(
            this,
            dtype,
            $"shape={string.Join('x', shape)},index={count},dim={dim}",
            [CaseSizes.Draw(dtype, shape), Draw.Indices(new Shape(shape)[(int)dim], count)],
            Attributes.Of(dim, 3.0)
        );
}

/// <summary>Filling slices.</summary>
public static class IndexFillExtensions
{
    extension(Tensor input)
    {
        /// <summary>
        /// A copy with <paramref name="value"/> in the slices along an axis that a vector of positions (i64) names; no gradient flows
        /// there. A position out of range is an error on the CPU; kernels ignore it.
        /// </summary>
        public Tensor IndexFill(int dim, Tensor index, double value) =>
            IndexFillOp.Instance.Apply([input, index], Attributes.Of((long)dim, value));
    }
}
