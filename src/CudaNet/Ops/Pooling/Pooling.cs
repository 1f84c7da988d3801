namespace CudaNet;

/// <summary>How the attributes of a pooling describe its windows.</summary>
internal enum PoolKind
{
    /// <summary>kernel_size, stride, padding, dilation, ceil_mode.</summary>
    Maximum,

    /// <summary>kernel_size, stride, padding, ceil_mode, count_include_pad.</summary>
    Average,

    /// <summary>output_size: windows of nearly equal length that cover the input.</summary>
    Adaptive,
}

/// <summary>One axis of a pooling: at which positions of the input each position of the output looks. An adaptive axis has the kernel 0.</summary>
internal readonly record struct PoolAxis(
    long Input,
    long Output,
    long Kernel,
    long Stride = 1,
    long Padding = 0,
    long Dilation = 1
)
{
    /// <summary>The axis of windows that slide, with the output's extent as PyTorch counts it.</summary>
    public static PoolAxis Sliding(long input, long kernel, long stride, long padding, long dilation, bool ceil)
    {
        var room = input + 2 * padding - dilation * (kernel - 1) - 1 + (ceil ? stride - 1 : 0);
        var output = room < 0 ? 0 : room / stride + 1;
        // Rounded up, the last window must still begin inside the input or in the padding before it.
        if (ceil && (output - 1) * stride >= input + padding)
            output--;
        return new(input, output, kernel, stride, padding, dilation);
    }

    public bool IsAdaptive => Kernel == 0;

    /// <summary>Where the window of an output position begins, which may be in the padding.</summary>
    public long Start(long output) => IsAdaptive ? output * Input / Output : output * Stride - Padding;

    /// <summary>The positions of a window that lie in the input: from First by the dilation to before End.</summary>
    public (long First, long End) Window(long output)
    {
        var start = Start(output);
        if (IsAdaptive)
            return (start, ((output + 1) * Input + Output - 1) / Output);
        var first = start >= 0 ? start : start + (-start + Dilation - 1) / Dilation * Dilation;
        return (first, Math.Min(start + (Kernel - 1) * Dilation + 1, Input));
    }

    /// <summary>By how many positions an average along this axis is divided.</summary>
    public long Divisor(long output, bool countPadding)
    {
        var (first, end) = Window(output);
        if (!countPadding || IsAdaptive)
            return end - first;
        var start = Start(output);
        return Math.Min(start + Kernel, Input + Padding) - start;
    }

    /// <summary>Whether a window lies wholly in the padding, which only a dilation larger than the input makes possible.</summary>
    public bool HasEmptyWindow()
    {
        if (Dilation <= Input)
            return false;
        for (long o = 0; o < Output; o++)
            if (Window(o) is var (first, end) && first >= end)
                return true;
        return false;
    }
}

/// <summary>The windows of a pooling over the last axes: three of volumes, or the last two of them of images, whose depth is then 1.</summary>
internal sealed record Pool(int Axes, long Planes, PoolAxis Z, PoolAxis Y, PoolAxis X, bool CountPadding)
{
    public long InputSize { get; } = Z.Input * Y.Input * X.Input;

    public long OutputSize { get; } = Z.Output * Y.Output * X.Output;

    private ReadOnlySpan<PoolAxis> Own => new[] { Z, Y, X }.AsSpan(3 - Axes);

    public Shape OutputShape(Shape input)
    {
        var output = input;
        foreach (var (i, axis) in Own.ToArray().Index())
            output = output.With(i - Axes, axis.Output);
        return output;
    }

    /// <summary>The extents of a plane, in words.</summary>
    public string InputText => string.Join(" x ", Own.ToArray().Select(axis => axis.Input));

    /// <summary>By how many positions an average is divided.</summary>
    public long Divisor(long z, long y, long x) =>
        Z.Divisor(z, CountPadding) * Y.Divisor(y, CountPadding) * X.Divisor(x, CountPadding);

    /// <summary>The windows that attributes describe for a checked input; see <see cref="PoolKind"/>.</summary>
    public static Pool Of(PoolKind kind, int axes, Shape input, Attributes attributes)
    {
        var windows = new PoolAxis[3];
        for (var i = 0; i < windows.Length; i++)
            windows[i] = Axis(kind, attributes, i - (3 - axes), i < 3 - axes ? 1 : input[i - 3]);
        var planes = new Shape(input.Dims[..^axes]).NumElements;
        var counts = kind == PoolKind.Average && attributes.Bool(4);
        return new(axes, planes, windows[0], windows[1], windows[2], counts);
    }

    /// <summary>A spatial axis; one with a negative number is the depth of images.</summary>
    private static PoolAxis Axis(PoolKind kind, Attributes attributes, int axis, long input)
    {
        if (kind == PoolKind.Adaptive)
            return new(input, Value(0, 1), 0);
        var kernel = Value(0, 1);
        var ceil = attributes.Bool(kind == PoolKind.Maximum ? 4 : 3);
        return PoolAxis.Sliding(
            input,
            kernel,
            Value(1, kernel),
            Value(2, 0),
            kind == PoolKind.Maximum ? Value(3, 1) : 1,
            ceil
        );

        long Value(int attribute, long otherwise)
        {
            var values = attributes.Ints(attribute);
            return axis < 0 || values.IsEmpty ? otherwise : values[values.Length == 1 ? 0 : axis];
        }
    }

    /// <summary>The same once shape and attributes are known to be sensible.</summary>
    public static Pool Require(in OpCall call, PoolKind kind, int axes, Shape input)
    {
        SpatialAxes.RequireImages(call, axes, input);
        var lists = kind switch
        {
            PoolKind.Maximum => 4,
            PoolKind.Average => 3,
            _ => 1,
        };
        for (var i = 0; i < lists; i++)
        {
            var name = call.Op.Signature.Attributes[i].Name;
            var values = call.Attributes.Ints(i);
            if (values.Length != 1 && values.Length != axes && !(values.IsEmpty && name == "stride"))
                throw Wrong(call, $"{name} must be {SpatialAxes.Numbers(axes)}", values);
            foreach (var value in values)
                if (value < (name == "padding" ? 0 : 1))
                    throw Wrong(call, $"{name} must be at least {(name == "padding" ? 0 : 1)}", values);
        }
        var pool = Of(kind, axes, input, call.Attributes);
        foreach (var axis in pool.Own)
        {
            if (axis.IsAdaptive)
                continue;
            if (axis.Padding > axis.Kernel / 2)
                throw Wrong(call, $"padding must be at most half of kernel_size {axis.Kernel}", [axis.Padding]);
            if (axis.Output < 1)
                throw call.ShapeError(
                    $"a window of {(axis.Kernel - 1) * axis.Dilation + 1} does not fit into {axis.Input} with padding {axis.Padding}; "
                        + "expected a larger input, a smaller kernel_size or more padding"
                );
            if (axis.HasEmptyWindow())
                throw Wrong(call, $"with padding, dilation must be at most the extent {axis.Input}", [axis.Dilation]);
        }
        return pool;
    }

    private static AttributeException Wrong(in OpCall call, string expected, ReadOnlySpan<long> values) =>
        new($"{call.Describe()}: {expected}; got {string.Join(", ", values.ToArray())}");
}

/// <summary>The window of one output element: the positions along each axis, and its plane's place in the input.</summary>
internal readonly record struct PoolWindow(
    Pool Pool,
    long Plane,
    (long First, long End) Z,
    (long First, long End) Y,
    (long First, long End) X,
    long Divisor
)
{
    /// <summary>The window of output element <paramref name="i"/>, in C order.</summary>
    public static PoolWindow Of(Pool pool, long i)
    {
        var (row, x) = Math.DivRem(i, pool.X.Output);
        var (slice, y) = Math.DivRem(row, pool.Y.Output);
        var (plane, z) = Math.DivRem(slice, pool.Z.Output);
        return new(
            pool,
            plane * pool.InputSize,
            pool.Z.Window(z),
            pool.Y.Window(y),
            pool.X.Window(x),
            pool.Divisor(z, y, x)
        );
    }

    /// <summary>A position's place in its plane.</summary>
    public long Place(long z, long y, long x) => (z * Pool.Y.Input + y) * Pool.X.Input + x;

    /// <summary>The place of the first position in its plane.</summary>
    public long First => Place(Z.First, Y.First, X.First);

    /// <summary>The places of its elements, row by row, counted in the whole input.</summary>
    public IEnumerable<long> Places
    {
        get
        {
            for (var z = Z.First; z < Z.End; z += Pool.Z.Dilation)
            for (var y = Y.First; y < Y.End; y += Pool.Y.Dilation)
            for (var x = X.First; x < X.End; x += Pool.X.Dilation)
                yield return Plane + Place(z, y, x);
        }
    }
}

/// <summary>A pooling, or the adjoint of one, whose last attribute is then the shape of the pooling's input.</summary>
internal abstract class PoolOp(string name, int axes, PoolKind kind, string signature) : Op(name, signature)
{
    /// <summary>The adjoint's name ends so.</summary>
    protected const string Backwards = "_backward";

    /// <summary>How many of the last axes are pooled.</summary>
    protected int Axes => axes;

    protected bool IsAdjoint => Name.EndsWith(Backwards, StringComparison.Ordinal);

    /// <summary>The other one of pooling and adjoint.</summary>
    protected abstract PoolOp Adjoint { get; }

    /// <summary>The windows of a call.</summary>
    public Pool Windows(in OpCall call) =>
        Pool.Of(kind, axes, Unpooled(call.Attributes, call.Input(0).Shape), call.Attributes);

    /// <summary>The windows of a call of the reference.</summary>
    protected Pool Windows(ReferenceCall call) =>
        Pool.Of(kind, axes, Unpooled(call.Attributes, call.Input().Shape), call.Attributes);

    /// <summary>The windows of a call that is still to be checked, over an input of some shape.</summary>
    protected Pool Require(in OpCall call, Shape input) => Pool.Require(call, kind, axes, input);

    /// <summary>The shape of the pooling's input.</summary>
    protected Shape Unpooled(Attributes attributes, Shape input) =>
        IsAdjoint ? new Shape(attributes.Ints(Signature.Attributes.Count - 1)) : input;

    /// <summary>The attributes of the adjoint of a pooling, or of the pooling of an adjoint.</summary>
    protected Attributes AdjointAttributes(Attributes attributes, Shape input)
    {
        var count = Signature.Attributes.Count - (IsAdjoint ? 1 : 0);
        var values = new List<AttributeValue>();
        for (var i = 0; i < count; i++)
            values.Add(
                Signature.Attributes[i].Kind == AttributeKind.Ints
                    ? attributes.Ints(i)
                    : (AttributeValue)attributes.Int(i)
            );
        if (!IsAdjoint)
            values.Add(input);
        return Attributes.Of([.. values]);
    }

    public override IEnumerable<OpCase> Cases()
    {
        foreach (var dtype in CaseSizes.Floating)
        foreach (var setting in PoolCases.Settings(kind, axes))
            yield return Case(dtype, setting, false);
        foreach (var layout in Enum.GetValues<CaseLayout>().Where(l => l != CaseLayout.Contiguous))
            yield return Case(DType.Float32, PoolCases.Usual(kind, axes == 2 ? [2, 3, 6, 8] : [2, 2, 4, 6, 8]), false)
                .With(layout);
        yield return Case(DType.Float32, PoolCases.Usual(kind, axes == 2 ? [2, 3, 16, 16] : [2, 3, 6, 8, 8]), true);
        foreach (var setting in PoolCases.Small(kind, axes))
            yield return Case(DType.Float64, setting, false) with
            {
                CheckGradient = true,
            };
        yield return Case(
            DType.Float32,
            PoolCases.Usual(kind, axes == 2 ? [128, 32, 28, 28] : [8, 32, 16, 28, 28]),
            false
        ) with
        {
            IsBenchmark = true,
        };
    }

    /// <summary>The inputs of a case; with ties, of few different values.</summary>
    protected abstract CaseInput[] Inputs(Shape input, Pool pool, bool ties);

    private OpCase Case(DType dtype, PoolCases.Setting setting, bool ties)
    {
        var (label, shape, attributes) = setting;
        return new(
            this,
            dtype,
            ties ? $"{label},ties=yes" : label,
            Inputs(shape, Pool.Of(kind, axes, shape, attributes), ties),
            IsAdjoint ? Adjoint.AdjointAttributes(attributes, shape) : attributes
        );
    }
}
