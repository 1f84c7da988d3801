namespace CudaNet;

/// <summary>Every step-th element along one axis, as a view.</summary>
internal sealed class SliceOp() : Op("slice", "input; dim: int, start: int, end: int, step: int = 1 -> output")
{
    public static readonly SliceOp Instance = new();

    public override OpKind Kind => OpKind.View;

    public override bool IsExact => true;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var (dim, _, count) = Resolve(call.Input(0).Shape, call.Attributes);
        outputs[0] = new(call.Input(0).Shape.With(dim, count), call.Input(0).DType);
    }

    protected internal override Tensor View(in OpCall call)
    {
        var input = call.Input(0);
        var (dim, start, count) = Resolve(input.Shape, call.Attributes);
        var strides = input.Strides.ToArray();
        var offset = input.Offset + (count == 0 ? 0 : start * strides[dim]);
        strides[dim] *= call.Attributes.Int(3);
        return input.View(input.Shape.With(dim, count), strides, offset);
    }

    public override void Reference(ReferenceCall call)
    {
        var (x, y) = (call.Input(), call.Output());
        var (dim, start, count) = Resolve(x.Shape, call.Attributes);
        var inner = x.Shape.ContiguousStrides[dim];
        for (long i = 0; i < y.Shape.NumElements; i++)
        {
            var (outer, at) = (i / inner / count, i / inner % count);
            y[i] = x[(outer * x.Shape[dim] + start + at * call.Attributes.Int(3)) * inner + i % inner];
        }
    }

    protected internal override void Backward(BackwardCall call)
    {
        var (dim, start, _) = Resolve(call.InputShape(0), call.Attributes);
        call.Set(
            0,
            SliceBackwardOp.Instance.Apply(
                [call.GradOutput()],
                Attributes.Of(call.InputShape(0), (long)dim, start, call.Attributes.Int(3))
            )
        );
    }

    /// <summary>The axis, the first position and how many there are; positions beyond the ends are cut off, as in NumPy.</summary>
    /// <exception cref="ShapeException">The input has no such axis.</exception>
    /// <exception cref="AttributeException">The step is not positive.</exception>
    private static (int Dim, long Start, long Count) Resolve(Shape shape, Attributes attributes)
    {
        if (shape.Rank == 0)
            throw new ShapeException("slice: a scalar has no axis to slice; Reshape it to (1) first");
        var dim = shape.Axis(attributes.Int(0), "slice");
        var (start, end, step) = (attributes.Int(1), attributes.Int(2), attributes.Int(3));
        if (step < 1)
            throw new AttributeException($"slice: the step of a view of {shape} must be at least 1, got {step}");
        var extent = shape[dim];
        start = Math.Clamp(start < 0 ? start + extent : start, 0, extent);
        end = Math.Clamp(end < 0 ? end + extent : end, 0, extent);
        return (dim, start, end <= start ? 0 : (end - start - 1) / step + 1);
    }

    public override IEnumerable<OpCase> Cases()
    {
        foreach (
            var (start, end, step) in new (long, long, long)[]
            {
                (1, 4, 1),
                (-3, 100, 1),
                (0, 7, 3),
                (5, 2, 1),
                (2, -1, 2),
            }
        )
        foreach (var dim in new long[] { 0, 1, -1 })
            yield return new OpCase(
                this,
                DType.Float32,
                $"shape=7x5x9,dim={dim},start={start},end={end},step={step}",
                [Draw.Normal(7, 5, 9)],
                Attributes.Of(dim, start, end, step)
            );
        foreach (var layout in Enum.GetValues<CaseLayout>())
            yield return new OpCase(
                this,
                DType.Float32,
                "shape=6x8,dim=1,start=1,end=7,step=2",
                [Draw.Normal(6, 8)],
                Attributes.Of(1L, 1L, 7L, 2L)
            ).With(layout);
        yield return new OpCase(
            this,
            DType.Float64,
            "shape=3x5,dim=1,start=1,end=5,step=2",
            [Draw.Normal(3, 5)],
            Attributes.Of(1L, 1L, 5L, 2L)
        )
        {
            CheckGradient = true,
        };
    }
}

/// <summary>The adjoint of slice: zeros of a given shape with a tensor written to every step-th position along one axis.</summary>
internal sealed class SliceBackwardOp()
    : Op("slice_backward", "grad_output; shape: ints, dim: int, start: int, step: int -> grad_input")
{
    public static readonly SliceBackwardOp Instance = new();

    public override bool IsExact => true;

    internal override CpuKernel? Cpu => CpuMovement.SliceBackward;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var shape = new Shape(call.Attributes.Ints(0));
        var gradient = call.Input(0);
        if (shape.Rank == 0 || gradient.Rank != shape.Rank)
            throw call.ShapeError($"expected a gradient with as many axes as {shape}, at least one");
        var dim = shape.Axis(call.Attributes.Int(1), Name);
        var (start, step) = (call.Attributes.Int(2), call.Attributes.Int(3));
        var count = gradient.Shape[dim];
        if (!gradient.Shape.Equals(shape.With(dim, count)))
            throw call.ShapeError($"expected the shape {shape} except along axis {dim}");
        if (step < 1 || start < 0 || (count > 0 && start + (count - 1) * step >= shape[dim]))
            throw new AttributeException(
                $"{call.Describe()}: {count} positions from {start} by {step} do not lie within axis {dim} of {shape}; "
                    + "start counts from 0 and step is at least 1"
            );
        outputs[0] = new(shape, gradient.DType);
    }

    public override void Reference(ReferenceCall call)
    {
        var (g, x) = (call.Input(), call.Output());
        var dim = x.Shape.Axis(call.Attributes.Int(1), Name);
        var inner = x.Shape.ContiguousStrides[dim];
        var count = g.Shape[dim];
        for (long i = 0; i < g.Shape.NumElements; i++)
        {
            var (outer, at) = (i / inner / count, i / inner % count);
            var place = call.Attributes.Int(2) + at * call.Attributes.Int(3);
            x[(outer * x.Shape[dim] + place) * inner + i % inner] = g[i];
        }
    }

    protected internal override void Backward(BackwardCall call)
    {
        var (dim, start, step) = (call.Attributes.Int(1), call.Attributes.Int(2), call.Attributes.Int(3));
        var shape = call.InputShape(0);
        var count = shape[shape.Axis(dim, Name)];
        call.Set(0, call.GradOutput().Slice((int)dim, start, start + count * step, step));
    }

    public override IEnumerable<OpCase> Cases()
    {
        foreach (var dtype in CaseSizes.Floating)
        {
            yield return Case(dtype, [7, 5, 9], 0, 2, 3, 2);
            yield return Case(dtype, [7, 5, 9], 1, 0, 5, 1);
            yield return Case(dtype, [7, 5, 9], -1, 1, 3, 3);
            yield return Case(dtype, [4, 16, 8], 1, 3, 4, 3);
            yield return Case(dtype, [3, 257], 1, 5, 200, 1);
            yield return Case(dtype, [3, 33], 1, 33, 0, 1);
            yield return Case(dtype, [0, 33], 1, 1, 2, 1);
        }
        foreach (var layout in Enum.GetValues<CaseLayout>())
            yield return Case(DType.Float32, [6, 8], 1, 1, 3, 2).With(layout);
        yield return Case(DType.Float64, [3, 5], 1, 1, 2, 2) with
        {
            CheckGradient = true,
        };
        yield return Case(DType.Float32, [1024, 1024], 1, 0, 512, 2) with
        {
            IsBenchmark = true,
        };
    }

    private OpCase Case(DType dtype, long[] shape, int dim, long start, long count, long step) =>
        new(
            this,
            dtype,
            $"shape={string.Join('x', shape)},dim={dim},start={start},count={count},step={step}",
            [Draw.Normal(new Shape(shape).With(dim, count).Dims.ToArray())],
            Attributes.Of(shape, (long)dim, start, step)
        );
}

/// <summary>Parts of a tensor along one axis, without copying.</summary>
public static class SliceExtensions
{
    extension(Tensor input)
    {
        /// <summary>
        /// The positions start, start + step, … before <paramref name="end"/> along an axis, as a view. Negative positions count from the
        /// end and those beyond the ends are cut off, as in NumPy.
        /// </summary>
        /// <exception cref="AttributeException">The step is below 1.</exception>
        public Tensor Slice(int dim, long start, long end = long.MaxValue, long step = 1) =>
            SliceOp.Instance.Apply([input], Attributes.Of((long)dim, start, end, step));

        /// <summary><paramref name="length"/> positions from <paramref name="start"/> along an axis, as a view.</summary>
        /// <exception cref="ShapeException">They do not all lie within the axis.</exception>
        public Tensor Narrow(int dim, long start, long length)
        {
            var extent = input.Shape[input.Shape.Axis(dim, "narrow")];
            var first = start < 0 ? start + extent : start;
            if (first < 0 || length < 0 || first + length > extent)
                throw new ShapeException(
                    $"narrow: {length} positions from {start} do not lie within axis {dim} of {input.Shape}"
                );
            return input.Slice(dim, first, first + length);
        }

        /// <summary>One position along an axis, as a view without that axis; negative positions count from the end.</summary>
        /// <exception cref="ShapeException">There is no such position.</exception>
        public Tensor Select(int dim, long index)
        {
            var axis = input.Shape.Axis(dim, "select");
            var extent = input.Rank == 0 ? 0 : input.Shape[axis];
            if (index < -extent || index >= extent)
                throw new ShapeException(
                    $"select: position {index} is outside axis {dim} of {input.Shape}; expected {-extent} to {extent - 1}"
                );
            var at = index < 0 ? index + extent : index;
            return input.Slice(axis, at, at + 1).Squeeze(axis);
        }

        /// <summary>A range of the first axis, x.Slice(1..^1), as a view.</summary>
        public Tensor Slice(Range range) => input.Slice(0, Position(range.Start, input), Position(range.End, input));

        /// <summary>One position of the first axis, x.Select(^1), as a view without that axis.</summary>
        /// <exception cref="ShapeException">There is no such position.</exception>
        public Tensor Select(Index index) => input.Select(0, FromEnd(index, input));

        /// <summary>Parts of <paramref name="size"/> positions along an axis, as views; the last may be smaller.</summary>
        /// <exception cref="ShapeException">The size is below 1.</exception>
        public Tensor[] Split(long size, int dim = 0)
        {
            if (size < 1)
                throw new ShapeException($"split: parts of {input.Shape} need at least 1 position each, got {size}");
            var extent = input.Shape[input.Shape.Axis(dim, "split")];
            var parts = new Tensor[Math.Max(1, (extent + size - 1) / size)];
            for (var i = 0; i < parts.Length; i++)
                parts[i] = input.Slice(dim, i * size, Math.Min((i + 1) * size, extent));
            return parts;
        }

        /// <summary>Parts of the given sizes along an axis, as views.</summary>
        /// <exception cref="ShapeException">The sizes do not add up to the extent.</exception>
        public Tensor[] Split(ReadOnlySpan<long> sizes, int dim = 0)
        {
            var extent = input.Shape[input.Shape.Axis(dim, "split")];
            var parts = new Tensor[sizes.Length];
            long start = 0;
            for (var i = 0; i < parts.Length; i++, start += sizes[i - 1])
                parts[i] = input.Narrow(dim, start, sizes[i]);
            return start == extent
                ? parts
                : throw new ShapeException(
                    $"split: the sizes add up to {start}, axis {dim} of {input.Shape} has {extent}"
                );
        }

        /// <summary>At most <paramref name="count"/> parts of equal size along an axis, as views; the last may be smaller.</summary>
        /// <exception cref="ShapeException">The count is below 1.</exception>
        public Tensor[] Chunk(long count, int dim = 0)
        {
            if (count < 1)
                throw new ShapeException($"chunk: {input.Shape} cannot be cut into {count} parts");
            var extent = input.Shape[input.Shape.Axis(dim, "chunk")];
            return input.Split(Math.Max(1, (extent + count - 1) / count), dim);
        }
    }

    private static long Position(Index index, Tensor input) =>
        index.IsFromEnd ? Math.Max(0, End(input) - index.Value) : index.Value;

    /// <summary>As a position that Select checks: ^0 lies behind the end.</summary>
    private static long FromEnd(Index index, Tensor input) =>
        !index.IsFromEnd ? index.Value
        : index.Value == 0 ? End(input)
        : -index.Value;

    private static long End(Tensor input) =>
        input.Rank > 0
            ? input.Shape[0]
            : throw new ShapeException("slice: a scalar has no axis to slice; Reshape it to (1) first");
}
