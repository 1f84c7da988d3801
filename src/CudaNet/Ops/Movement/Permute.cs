namespace CudaNet;

internal sealed class PermuteOp() : Op("permute", "input; dims: ints -> output")
{
    public static readonly PermuteOp Instance = new();

    public override OpKind Kind => OpKind.View;

    public override bool IsExact => true;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var input = call.Input(0);
        var order = Order(call);
        var dims = new long[order.Length];
        for (var i = 0; i < dims.Length; i++)
            dims[i] = input.Shape[order[i]];
        outputs[0] = new(new Shape(dims), input.DType);
    }

    /// <summary>The input's axis for each axis of the output, none negative.</summary>
    private static int[] Order(in OpCall call)
    {
        var shape = call.Input(0).Shape;
        var dims = call.Attributes.Ints(0);
        var order = new int[dims.Length];
        var seen = new bool[shape.Rank];
        for (var i = 0; i < order.Length && dims.Length == shape.Rank; i++)
        {
            order[i] = shape.Axis(dims[i], call.Op.Name);
            seen[order[i]] = true;
        }
        return dims.Length == shape.Rank && !seen.Contains(false)
            ? order
            : throw call.ShapeError(
                $"dims ({string.Join(", ", dims.ToArray())}) must name each of the {shape.Rank} axes once"
            );
    }

    protected internal override Tensor View(in OpCall call)
    {
        var input = call.Input(0);
        var order = Order(call);
        var dims = new long[order.Length];
        var strides = new long[order.Length];
        for (var i = 0; i < order.Length; i++)
            (dims[i], strides[i]) = (input.Shape[order[i]], input.Strides[order[i]]);
        return input.View(new Shape(dims), strides, input.Offset);
    }

    public override void Reference(ReferenceCall call)
    {
        var (x, y) = (call.Input(), call.Output());
        var dims = call.Attributes.Ints(0);
        for (long i = 0; i < y.Shape.NumElements; i++)
        {
            long source = 0;
            for (var axis = 0; axis < dims.Length; axis++)
            {
                var at = i / y.Shape.ContiguousStrides[axis] % y.Shape[axis];
                source += at * x.Shape.ContiguousStrides[x.Shape.Axis(dims[axis], Name)];
            }
            y[i] = x[source];
        }
    }

    protected internal override void Backward(BackwardCall call)
    {
        var dims = call.Attributes.Ints(0);
        var inverse = new long[dims.Length];
        for (var i = 0; i < dims.Length; i++)
            inverse[call.InputShape(0).Axis(dims[i], Name)] = i;
        call.Set(0, call.GradOutput().Permute(inverse));
    }

    public override IEnumerable<OpCase> Cases()
    {
        foreach (var dims in new long[][] { [0, 1, 2], [2, 0, 1], [1, 2, 0], [0, -1, 1], [-1, -2, -3] })
            yield return new OpCase(
                this,
                DType.Float32,
                $"shape=3x5x7,dims={string.Join('+', dims)}",
                [Draw.Normal(3, 5, 7)],
                Attributes.Of(dims)
            );
        yield return new OpCase(
            this,
            DType.Float32,
            "shape=0x5,dims=1+0",
            [Draw.Normal(0, 5)],
            Attributes.Of(new long[] { 1, 0 })
        );
        yield return new OpCase(
            this,
            DType.Float64,
            "shape=2x3x2,dims=2+0+1",
            [Draw.Normal(2, 3, 2)],
            Attributes.Of(new long[] { 2, 0, 1 })
        )
        {
            CheckGradient = true,
        };
    }
}

/// <summary>Views with the axes in another order.</summary>
public static class PermuteExtensions
{
    extension(Tensor input)
    {
        /// <summary>A view whose axis i is the input's axis <paramref name="dims"/>[i]; negative axes count from the end.</summary>
        /// <exception cref="ShapeException"><paramref name="dims"/> does not name each axis once.</exception>
        public Tensor Permute(params ReadOnlySpan<long> dims) => PermuteOp.Instance.Apply([input], Attributes.Of(dims));

        /// <summary>A view with two axes exchanged.</summary>
        /// <exception cref="ShapeException">There is no such axis.</exception>
        public Tensor Transpose(int dim0, int dim1)
        {
            var (a, b) = (input.Shape.Axis(dim0, "transpose"), input.Shape.Axis(dim1, "transpose"));
            Span<long> dims = stackalloc long[input.Rank];
            for (var i = 0; i < dims.Length; i++)
                dims[i] =
                    i == a ? b
                    : i == b ? a
                    : i;
            return input.Permute(dims);
        }

        /// <summary>The transposed matrix, a view.</summary>
        /// <exception cref="ShapeException">The tensor is no matrix; for batches use <c>Transpose(-2, -1)</c>.</exception>
        public Tensor T =>
            input.Rank == 2
                ? input.Transpose(0, 1)
                : throw new ShapeException(
                    $"T: expected a matrix, got {input.Shape}; use Transpose(-2, -1) or Permute"
                );
    }
}
