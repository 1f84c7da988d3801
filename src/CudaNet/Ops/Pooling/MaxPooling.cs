namespace CudaNet;

/// <summary>The largest element of each window and its place in its plane; of equal ones the first, of NaNs the last, as in PyTorch.</summary>
internal abstract class MaxPoolOp(string name, int axes, PoolKind kind, string attributes)
    : PoolOp(name, axes, kind, $"input; {attributes} -> output, indices")
{
    /// <summary>The attributes of windows that slide.</summary>
    public const string Sliding =
        "kernel_size: ints, stride: ints = (), padding: ints = 0, dilation: ints = 1, ceil_mode: bool = false";

    /// <summary>The attributes of windows that slide; an empty list stands for the default.</summary>
    public static Attributes SlidingAttributes(
        ReadOnlySpan<long> kernelSize,
        ReadOnlySpan<long> stride,
        ReadOnlySpan<long> padding,
        ReadOnlySpan<long> dilation,
        bool ceilMode
    ) =>
        Attributes.Of(
            kernelSize,
            stride,
            padding.IsEmpty ? [0L] : padding,
            dilation.IsEmpty ? [1L] : dilation,
            ceilMode
        );

    /// <summary>Runs the op for both of its outputs.</summary>
    public (Tensor Output, Tensor Indices) Both(Tensor input, Attributes attributes)
    {
        var outputs = ApplyAll([input], attributes);
        return (outputs[0]!, outputs[1]!);
    }

    public override bool IsExact => true;

    protected internal override Saved Saves => Saved.Outputs(1);

    internal override CpuKernel? Cpu => CpuMaxPool.Forward;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var dtype = call.RequireFloating();
        var shape = call.Input(0).Shape;
        outputs[0] = new(Require(call, shape).OutputShape(shape), dtype);
        outputs[1] = new(outputs[0].Shape, DType.Int64);
    }

    public override void Reference(ReferenceCall call)
    {
        var (x, y, indices) = (call.Input(), call.Output(), call.Output(1));
        var pool = Windows(call);
        for (long i = 0; i < y.Shape.NumElements; i++)
        {
            var window = PoolWindow.Of(pool, i);
            y[i] = double.NegativeInfinity;
            indices[i] = window.First;
            foreach (var at in window.Places)
                if (x[at] > y[i] || double.IsNaN(x[at]))
                    (y[i], indices[i]) = (x[at], at - window.Plane);
        }
    }

    protected internal override void Backward(BackwardCall call) =>
        call.Set(
            0,
            Adjoint.Apply([call.GradOutput(), call.Output(1)], AdjointAttributes(call.Attributes, call.InputShape(0)))
        );

    public override double Flops(in OpCall call) => call.Input(0).NumElements;

    // Ties have no derivative to compare with, only a convention.
    protected override CaseInput[] Inputs(Shape input, Pool pool, bool ties) =>
        [
            ties
                ? new CaseInput(input, DrawKind.Integers, -1, 2) { Differentiate = false }
                : new CaseInput(input, DrawKind.Distinct),
        ];
}

/// <summary>The adjoint of taking elements by <see cref="MaxPoolOp"/>'s indices: each gradient is added to the element that was the largest.</summary>
internal abstract class MaxPoolBackwardOp(string name, int axes, PoolKind kind, string attributes)
    : PoolOp(name + Backwards, axes, kind, $"grad_output, indices; {attributes}, input_size: ints -> grad_input")
{
    protected internal override Saved Saves => Saved.Inputs(1);

    internal override CpuKernel? Cpu => CpuMaxPool.Backward;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var (gradient, indices) = (call.Input(0), call.Input(1));
        var dtype = call.RequireFloating(0, 0);
        var shape = Unpooled(call.Attributes, gradient.Shape);
        var pooled = Require(call, shape).OutputShape(shape);
        if (!gradient.Shape.Equals(pooled) || !indices.Shape.Equals(pooled))
            throw call.ShapeError($"expected grad_output and indices of shape {pooled} for an input of {shape}");
        if (indices.DType != DType.Int64)
            throw call.DTypeError("expected the indices of the forward pass, i64");
        outputs[0] = new(shape, dtype);
    }

    public static ShapeException OutOfRange(string op, double index, Pool pool) =>
        new(
            $"{op}: index {index} lies outside a plane of {pool.InputText}; expected the indices that the forward pass gave"
        );

    public override void Reference(ReferenceCall call)
    {
        var (g, indices, x) = (call.Input(), call.Input(1), call.Output());
        var pool = Windows(call);
        var terms = new long[x.Shape.NumElements];
        for (long i = 0; i < g.Shape.NumElements; i++)
        {
            if (indices[i] < 0 || indices[i] >= pool.InputSize)
                throw OutOfRange(Name, indices[i], pool);
            var at = i / pool.OutputSize * pool.InputSize + (long)indices[i];
            x[at] += g[i];
            x.Magnitude[at] += Math.Abs(g[i]);
            x.Terms = Math.Max(x.Terms, ++terms[at]);
        }
    }

    /// <summary>The elements at the indices, plane by plane.</summary>
    protected internal override void Backward(BackwardCall call)
    {
        var (gradient, indices) = (call.GradOutput(), call.Input(1));
        var planes = new Shape(gradient.Shape.Dims[..^Axes]).NumElements;
        var windows = new Shape(indices.Shape.Dims[^Axes..]).NumElements;
        var picked = gradient
            .Reshape(planes, new Shape(gradient.Shape.Dims[^Axes..]).NumElements)
            .Gather(1, indices.Reshape(planes, windows));
        call.Set(0, picked.Reshape(call.InputShape(0)));
    }

    public override double Flops(in OpCall call) => call.Input(0).NumElements;

    protected override CaseInput[] Inputs(Shape input, Pool pool, bool ties)
    {
        var output = pool.OutputShape(input);
        var dims = output.Dims.ToArray();
        return
        [
            ties ? new CaseInput(output, DrawKind.Integers, -3, 4) : Draw.Normal(dims),
            Draw.Indices(1 << 20, dims) with
            {
                Map = (i, drawn) => PlaceInWindow(pool, i, (long)drawn),
            },
        ];
    }

    /// <summary>Some place in the window of output element <paramref name="i"/>.</summary>
    private static double PlaceInWindow(Pool pool, long i, long drawn)
    {
        var (row, column) = Math.DivRem(i, pool.X.Output);
        var (slice, line) = Math.DivRem(row, pool.Y.Output);
        var (z, rest) = Place(pool.Z, slice % pool.Z.Output, drawn);
        var (y, last) = Place(pool.Y, line, rest);
        var (x, _) = Place(pool.X, column, last);
        return (z * pool.Y.Input + y) * pool.X.Input + x;

        static (long At, long Left) Place(PoolAxis axis, long output, long drawn)
        {
            var (first, end) = axis.Window(output);
            var count = (end - first - 1) / axis.Dilation + 1;
            return (first + drawn % count * axis.Dilation, drawn / count);
        }
    }
}
