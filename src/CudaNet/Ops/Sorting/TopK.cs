namespace CudaNet;

/// <summary>The k largest or smallest elements along an axis: the beginning of a sort, which is stable, so that of equal elements the
/// first are taken on every device.</summary>
internal sealed class TopKOp()
    : Op("topk", "input; k: int, dim: int = -1, largest: bool = true, sorted: bool = true -> values, indices")
{
    public static readonly TopKOp Instance = new();

    public override OpKind Kind => OpKind.Composition;

    public override bool IsExact => true;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var input = call.Input(0);
        var shape = Output(input.Shape, call.Attributes);
        outputs[0] = new(shape, input.DType);
        outputs[1] = new(shape, DType.Int64);
    }

    private Shape Output(Shape input, Attributes attributes)
    {
        var (k, dim) = (attributes.Int(0), input.Axis(attributes.Int(1), Name));
        var extent = input.Rank == 0 ? 1 : input[dim];
        if (k < 0 || k > extent)
            throw new ShapeException(
                $"topk(input {input}): axis {dim} has {extent} elements; expected a k from 0 to {extent}, got {k}"
            );
        return input.Rank == 0 ? new Shape(k) : input.With(dim, k);
    }

    protected internal override Tensor?[] Compose(ReadOnlySpan<Tensor?> inputs, Attributes attributes)
    {
        var input = inputs[0]!;
        var shape = Output(input.Shape, attributes);
        var line = input.Rank == 0 ? input.Reshape(1) : input;
        var (values, indices) = line.Sort((int)attributes.Int(1), descending: attributes.Bool(2));
        var dim = line.Shape.Axis(attributes.Int(1), Name);
        return [values.Narrow(dim, 0, shape[dim]).Contiguous(), indices.Narrow(dim, 0, shape[dim]).Contiguous()];
    }

    public override void Reference(ReferenceCall call)
    {
        var (x, values, indices) = (call.Input(), call.Output(0), call.Output(1));
        var (k, dim) = (call.Attributes.Int(0), call.Attributes.Int(1));
        var inner = x.Shape.Rank == 0 ? 1 : x.Shape.ContiguousStrides[x.Shape.Axis(dim, Name)];
        foreach (var (first, step, n) in Slices.Of(x.Shape, dim, Name))
        {
            var order = SortOp.Order(x, first, step, n, call.Attributes.Bool(2));
            var to = first / (n * inner) * k * inner + first % inner;
            for (long i = 0; i < k; i++, to += inner)
                (values[to], indices[to]) = (x[first + order[i] * step], order[i]);
        }
    }

    public override double Flops(in OpCall call) => 0;

    public override IEnumerable<OpCase> Cases()
    {
        foreach (var dtype in CaseSizes.Floating.Append(DType.Int64))
        foreach (var largest in new[] { true, false })
        {
            yield return Case(dtype, [33], 5, 0, largest);
            yield return Case(dtype, [5, 33, 7], 4, 1, largest);
            yield return Case(dtype, [3, 1500], 10, -1, largest);
            yield return Case(dtype, [2, 3], 0, 0, largest);
        }
        foreach (var largest in new[] { true, false })
            yield return Case(DType.Float64, [3, 4], 2, 1, largest) with
            {
                CheckGradient = true,
            };
        yield return Case(DType.Float32, [512, 1000], 5, 1, true) with
        {
            IsBenchmark = true,
        };
    }

    private OpCase Case(DType dtype, long[] shape, long k, long dim, bool largest) =>
        new(
            this,
            dtype,
            $"shape={string.Join('x', shape)},k={k},dim={dim},{(largest ? "largest" : "smallest")}",
            [dtype.IsFloating ? Draw.Distinct(shape) : CaseSizes.Draw(dtype, shape)],
            Attributes.Of(k, dim, largest, true)
        );
}

/// <summary>The largest or smallest few.</summary>
public static class TopKExtensions
{
    extension(Tensor input)
    {
        /// <summary>
        /// The <paramref name="k"/> largest elements along an axis, or smallest, and their positions (i64), in falling or rising order (also
        /// where <paramref name="sorted"/> does not ask for it). Of equal elements the first are taken; NaN counts as larger than every number.
        /// </summary>
        /// <exception cref="ShapeException">The axis does not exist or has fewer elements.</exception>
        public (Tensor Values, Tensor Indices) TopK(long k, int dim = -1, bool largest = true, bool sorted = true)
        {
            var outputs = TopKOp.Instance.ApplyAll([input], Attributes.Of(k, (long)dim, largest, sorted));
            return (outputs[0]!, outputs[1]!);
        }
    }
}
