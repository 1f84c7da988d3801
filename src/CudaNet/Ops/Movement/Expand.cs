namespace CudaNet;

internal sealed class ExpandOp() : Op("expand", "input; shape: ints -> output")
{
    public static readonly ExpandOp Instance = new();

    public override OpKind Kind => OpKind.View;

    public override bool IsExact => true;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var shape = new Shape(call.Attributes.Ints(0));
        if (!shape.Equals(Shape.Broadcast(call.Input(0).Shape, shape)))
            throw call.ShapeError(
                $"does not broadcast to {shape}: from the last axis backwards, extents must be equal or 1"
            );
        outputs[0] = new(shape, call.Input(0).DType);
    }

    protected internal override Tensor View(in OpCall call)
    {
        var spec = new TensorSpec[1];
        Infer(call, spec);
        return ReferenceRunner.Expand(call.Input(0), spec[0].Shape!) is var view && ReferenceEquals(view, call.Input(0))
            ? view.View(view.Shape, view.StrideArray, view.Offset)
            : view;
    }

    public override void Reference(ReferenceCall call)
    {
        var (x, y) = (call.Input(), call.Output());
        for (long i = 0; i < y.Shape.NumElements; i++)
        {
            long source = 0;
            for (var axis = 0; axis < x.Shape.Rank; axis++)
            {
                var outer = axis + y.Shape.Rank - x.Shape.Rank;
                var at = i / y.Shape.ContiguousStrides[outer] % y.Shape[outer];
                source += x.Shape[axis] == 1 ? 0 : at * x.Shape.ContiguousStrides[axis];
            }
            y[i] = x[source];
        }
    }

    protected internal override void Backward(BackwardCall call) =>
        call.Set(0, call.GradOutput().SumTo(call.InputShape(0)));

    public override IEnumerable<OpCase> Cases()
    {
        yield return new OpCase(
            this,
            DType.Float32,
            "shape=3x1,to=2x3x5",
            [Draw.Normal(3, 1)],
            Attributes.Of(new long[] { 2, 3, 5 })
        );
        yield return new OpCase(
            this,
            DType.Float64,
            "shape=3x1,to=3x4",
            [Draw.Normal(3, 1)],
            Attributes.Of(new long[] { 3, 4 })
        )
        {
            CheckGradient = true,
        };
    }
}

/// <summary>Broadcasting made explicit, and its adjoint.</summary>
public static class ExpandExtensions
{
    extension(Tensor input)
    {
        /// <summary>A view in which axes of extent 1 are repeated, without copying.</summary>
        public Tensor Expand(params ReadOnlySpan<long> shape) =>
            input.Shape.Dims.SequenceEqual(shape) ? input : ExpandOp.Instance.Apply([input], Attributes.Of(shape));

        /// <summary>The sum over the axes along which <paramref name="shape"/> broadcasts to this tensor's shape: the adjoint of
        /// <see cref="Expand"/>.</summary>
        public Tensor SumTo(Shape shape)
        {
            if (input.Shape.Equals(shape))
                return input;
            var extra = input.Rank - shape.Rank;
            Span<long> axes = stackalloc long[input.Rank];
            var count = 0;
            for (var axis = 0; axis < input.Rank; axis++)
                if (axis < extra || (shape[axis - extra] == 1 && input.Shape[axis] != 1))
                    axes[count++] = axis;
            return (count == 0 ? input : input.Sum(axes[..count], keepDim: true)).Reshape(shape);
        }
    }
}
