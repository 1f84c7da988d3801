using System.Runtime.CompilerServices;

namespace CudaNet;

internal sealed class ReshapeOp() : Op("reshape", "input; shape: ints -> output")
{
    public static readonly ReshapeOp Instance = new();

    public override OpKind Kind => OpKind.View;

    public override bool IsExact => true;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs) =>
        outputs[0] = new(Resolve(call.Input(0).Shape, call.Attributes.Ints(0), call), call.Input(0).DType);

    protected internal override Tensor View(in OpCall call)
    {
        var input = call.Input(0);
        var shape = Resolve(input.Shape, call.Attributes.Ints(0), call);
        if (shape.Equals(input.Shape))
            return input.View(input.Shape, input.StrideArray, input.Offset);
        if (input.IsContiguous)
            return input.View(shape, shape.StrideArray, input.Offset);
        return Strides(input, shape) is { } strides
            ? input.View(shape, strides, input.Offset)
            : throw call.ShapeError(
                $"a view of shape {shape} does not exist for strides ({string.Join(", ", input.Strides.ToArray())}); use Reshape, which copies"
            );
    }

    public override void Reference(ReferenceCall call) => call.Input().Values.CopyTo(call.Output().Values, 0);

    protected internal override void Backward(BackwardCall call) =>
        call.Set(0, call.GradOutput().Reshape(call.InputShape(0)));

    /// <summary>The shape with −1 replaced by what remains.</summary>
    private static Shape Resolve(Shape from, ReadOnlySpan<long> wanted, in OpCall call)
    {
        Span<long> dims = stackalloc long[wanted.Length];
        wanted.CopyTo(dims);
        var open = dims.IndexOf(-1);
        if (open >= 0)
        {
            dims[open] = 1;
            if (dims.Contains(-1))
                throw call.ShapeError("only one extent may be -1");
            var known = new Shape(dims).NumElements;
            if (known == 0 || from.NumElements % known != 0)
                throw call.ShapeError(
                    $"{from.NumElements} elements cannot be divided into ({string.Join(", ", wanted.ToArray())})"
                );
            dims[open] = from.NumElements / known;
        }
        var shape = new Shape(dims);
        return shape.NumElements == from.NumElements
            ? shape
            : throw call.ShapeError($"{shape} has {shape.NumElements} elements, the input {from.NumElements}");
    }

    /// <summary>Strides of a view with another shape, or null when only a copy can have it. Axes are merged and split in runs of equal
    /// element counts; a run needs strides without gaps.</summary>
    internal static long[]? Strides(Tensor input, Shape shape)
    {
        var strides = new long[shape.Rank];
        var (to, from) = (shape.Rank - 1, input.Rank - 1);
        while (from >= 0)
        {
            if (input.Shape[from] == 1)
            {
                from--;
                continue;
            }
            var (block, step) = (input.Shape[from], input.Strides[from]);
            var first = step;
            while (from > 0 && (input.Shape[from - 1] == 1 || input.Strides[from - 1] == first * block))
                block *= input.Shape[--from];
            from--;
            long filled = 1;
            while (to >= 0 && filled < block)
            {
                strides[to] = step;
                step *= shape[to];
                filled *= shape[to--];
            }
            if (filled != block)
                return null;
        }
        while (to >= 0)
            strides[to--] = 1;
        return strides;
    }

    public override IEnumerable<OpCase> Cases()
    {
        yield return new OpCase(
            this,
            DType.Float32,
            "shape=6x4,to=3x8",
            [Draw.Normal(6, 4)],
            Attributes.Of(new long[] { 3, 8 })
        );
        yield return new OpCase(
            this,
            DType.Float32,
            "shape=6x4,to=2x-1",
            [Draw.Normal(6, 4)],
            Attributes.Of(new long[] { 2, -1 })
        );
        yield return new OpCase(
            this,
            DType.Float64,
            "shape=2x3,to=6",
            [Draw.Normal(2, 3)],
            Attributes.Of(new long[] { 6 })
        )
        {
            CheckGradient = true,
        };
    }
}

/// <summary>Other shapes of the same elements.</summary>
public static class ReshapeExtensions
{
    extension(Tensor input)
    {
        /// <summary>The same elements, in C order, in another shape; one extent may be −1. A view where strides allow it, else of a copy.</summary>
        public Tensor Reshape(params ReadOnlySpan<long> shape)
        {
            if (
                !input.IsContiguous
                && !input.Shape.Dims.SequenceEqual(shape)
                && !shape.Contains(-1)
                && ReshapeOp.Strides(input, new Shape(shape)) is null
            )
                input = input.Contiguous();
            else if (!input.IsContiguous && shape.Contains(-1))
                input = input.Contiguous();
            return ReshapeOp.Instance.Apply([input], Attributes.Of(shape));
        }

        /// <inheritdoc cref="Reshape(Tensor, ReadOnlySpan{long})"/>
        [OverloadResolutionPriority(-1)] // a collection expression is meant for the overload above
        public Tensor Reshape(Shape shape) => input.Reshape(shape.Dims);

        /// <summary>As <see cref="Reshape(Tensor, ReadOnlySpan{long})"/>, but never copies.</summary>
        /// <exception cref="ShapeException">No view has this shape.</exception>
        public Tensor View(params ReadOnlySpan<long> shape) => ReshapeOp.Instance.Apply([input], Attributes.Of(shape));

        /// <summary>One axis of extent 1 more, at <paramref name="axis"/>.</summary>
        public Tensor Unsqueeze(int axis)
        {
            var dims = input.Shape.ToList();
            dims.Insert(axis < 0 ? axis + input.Rank + 1 : axis, 1);
            return input.Reshape(dims.ToArray());
        }

        /// <summary>Without an axis of extent 1.</summary>
        public Tensor Squeeze(int axis)
        {
            var at = input.Shape.Axis(axis, "squeeze");
            if (input.Shape[at] != 1)
                throw new ShapeException($"squeeze: axis {axis} of {input.Shape} has extent {input.Shape[at]}, not 1");
            var dims = input.Shape.ToList();
            dims.RemoveAt(at);
            return input.Reshape(dims.ToArray());
        }
    }
}
