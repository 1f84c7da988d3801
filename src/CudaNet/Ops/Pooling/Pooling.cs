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

/// <summary>The windows of a pooling over the last two axes.</summary>
internal sealed record Pool(long Planes, PoolAxis Y, PoolAxis X, bool CountPadding)
{
    public long InputSize { get; } = Y.Input * X.Input;

    public long OutputSize { get; } = Y.Output * X.Output;

    public Shape OutputShape(Shape input) => input.With(-2, Y.Output).With(-1, X.Output);

    /// <summary>The windows that attributes describe for an input of rank 3 or 4; see <see cref="PoolKind"/>.</summary>
    public static Pool Of(PoolKind kind, Shape input, Attributes attributes)
    {
        var planes = 1L;
        for (var axis = 0; axis < input.Rank - 2; axis++)
            planes *= input[axis];
        var (height, width) = (input[-2], input[-1]);
        var first = Pair(attributes.Ints(0));
        if (kind == PoolKind.Adaptive)
            return new(planes, new(height, first.Y, 0), new(width, first.X, 0), false);
        var stride = attributes.Ints(1).IsEmpty ? first : Pair(attributes.Ints(1));
        var padding = Pair(attributes.Ints(2));
        var dilation = kind == PoolKind.Maximum ? Pair(attributes.Ints(3)) : (1, 1);
        var ceil = attributes.Bool(kind == PoolKind.Maximum ? 4 : 3);
        return new(
            planes,
            PoolAxis.Sliding(height, first.Y, stride.Y, padding.Y, dilation.Y, ceil),
            PoolAxis.Sliding(width, first.X, stride.X, padding.X, dilation.X, ceil),
            kind == PoolKind.Average && attributes.Bool(4)
        );
    }

    /// <summary>The same once shape and attributes are known to be sensible.</summary>
    public static Pool Require(in OpCall call, PoolKind kind, Shape input)
    {
        if (input.Rank is not (3 or 4) || input[-1] == 0 || input[-2] == 0)
            throw call.ShapeError(
                $"expected an input (N, C, H, W) or (C, H, W) with H and W of at least 1, not {input}; Reshape it"
            );
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
            if (values.Length is not (1 or 2) && !(values.IsEmpty && name == "stride"))
                throw Wrong(call, $"{name} must be one number or two, for height and width", values);
            foreach (var value in values)
                if (value < (name == "padding" ? 0 : 1))
                    throw Wrong(call, $"{name} must be at least {(name == "padding" ? 0 : 1)}", values);
        }
        var pool = Of(kind, input, call.Attributes);
        foreach (var axis in new[] { pool.Y, pool.X })
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

    private static (long Y, long X) Pair(ReadOnlySpan<long> values) => (values[0], values[^1]);

    private static AttributeException Wrong(in OpCall call, string expected, ReadOnlySpan<long> values) =>
        new($"{call.Describe()}: {expected}; got {string.Join(", ", values.ToArray())}");
}

/// <summary>The window of one output element: where it begins and ends along both axes, counted in the whole input.</summary>
internal readonly record struct PoolWindow(
    Pool Pool,
    long Plane,
    long Top,
    long Bottom,
    long Left,
    long Right,
    long Divisor
)
{
    /// <summary>The window of output element <paramref name="i"/>, in C order.</summary>
    public static PoolWindow Of(Pool pool, long i)
    {
        var (y, x) = (i / pool.X.Output % pool.Y.Output, i % pool.X.Output);
        var ((top, bottom), (left, right)) = (pool.Y.Window(y), pool.X.Window(x));
        var divisor = pool.Y.Divisor(y, pool.CountPadding) * pool.X.Divisor(x, pool.CountPadding);
        return new(pool, i / pool.OutputSize * pool.InputSize, top, bottom, left, right, divisor);
    }

    /// <summary>The places of its elements, row by row.</summary>
    public IEnumerable<long> Places
    {
        get
        {
            for (var row = Top; row < Bottom; row += Pool.Y.Dilation)
            for (var col = Left; col < Right; col += Pool.X.Dilation)
                yield return Plane + row * Pool.X.Input + col;
        }
    }
}

/// <summary>A pooling, or the adjoint of one, whose last attribute is then the shape of the pooling's input.</summary>
internal abstract class PoolOp(string name, PoolKind kind, string signature) : Op(name, signature)
{
    /// <summary>The adjoint's name ends so.</summary>
    protected const string Backwards = "_backward";

    protected PoolKind PoolKind => kind;

    protected bool IsAdjoint => Name.EndsWith(Backwards, StringComparison.Ordinal);

    /// <summary>The other one of pooling and adjoint.</summary>
    protected abstract PoolOp Adjoint { get; }

    /// <summary>The windows of a call.</summary>
    public Pool Windows(in OpCall call) =>
        Pool.Of(kind, Unpooled(call.Attributes, call.Input(0).Shape), call.Attributes);

    /// <summary>The windows of a call of the reference.</summary>
    protected Pool Windows(ReferenceCall call) =>
        Pool.Of(kind, Unpooled(call.Attributes, call.Input().Shape), call.Attributes);

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
        foreach (var setting in PoolCases.Settings(kind))
            yield return Case(dtype, setting, false);
        foreach (var layout in Enum.GetValues<CaseLayout>().Where(l => l != CaseLayout.Contiguous))
            yield return Case(DType.Float32, PoolCases.Usual(kind, 2, 3, 6, 8), false).With(layout);
        yield return Case(DType.Float32, PoolCases.Usual(kind, 2, 3, 16, 16), true);
        foreach (var setting in PoolCases.Small(kind))
            yield return Case(DType.Float64, setting, false) with
            {
                CheckGradient = true,
            };
        yield return Case(DType.Float32, PoolCases.Usual(kind, 128, 32, 28, 28), false) with
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
            Inputs(shape, Pool.Of(kind, shape, attributes), ties),
            IsAdjoint ? Adjoint.AdjointAttributes(attributes, shape) : attributes
        );
    }
}

/// <summary>The sizes at which poolings are checked.</summary>
internal static class PoolCases
{
    public sealed record Setting(string Label, Shape Shape, Attributes Attributes);

    public static IEnumerable<Setting> Settings(PoolKind kind)
    {
        if (kind == PoolKind.Adaptive)
        {
            foreach (
                var (shape, output) in new (long[], long[])[]
                {
                    ([1, 1, 1, 1], [1]),
                    ([2, 3, 7, 7], [1]),
                    ([2, 3, 14, 13], [5, 4]),
                    ([1, 2, 4, 3], [7, 8]),
                    ([3, 8, 31], [8, 10]),
                    ([1, 2, 33, 65], [2, 32]),
                    ([1, 1, 5, 1031], [3, 1]),
                    ([0, 3, 4, 4], [2]),
                }
            )
                yield return Adaptive(shape, output);
            yield break;
        }
        yield return Sliding(kind, [1, 1, 1, 1], [1]);
        yield return Sliding(kind, [2, 3, 4, 4], [2]);
        yield return Sliding(kind, [2, 5, 14, 14], [2], [2]);
        yield return Sliding(kind, [1, 2, 7, 33], [2], [2]);
        yield return Sliding(kind, [1, 2, 33, 31], [3], [2], [1]);
        yield return Sliding(kind, [2, 1, 7, 5], [3, 2], [1, 2], [1, 0]);
        yield return Sliding(kind, [1, 3, 11, 19], [2], [3]);
        yield return Sliding(kind, [2, 2, 8, 65], [3], [1], [1]);
        yield return Sliding(kind, [1, 2, 13, 17], [3, 2], [2, 1], [1], [2, 3]);
        yield return Sliding(kind, [1, 2, 10, 7], [3], [2], ceil: true);
        yield return Sliding(kind, [1, 1, 6, 6], [2, 3], [3, 4], [1], ceil: true);
        yield return Sliding(kind, [1, 1, 2, 2], [3], [2], ceil: true);
        yield return Sliding(kind, [3, 6, 8], [2]);
        yield return Sliding(kind, [2, 3, 5, 257], [5, 257]);
        yield return Sliding(kind, [1, 1, 3, 1031], [3], [2], [1]);
        yield return Sliding(kind, [0, 3, 4, 4], [2]);
    }

    public static IEnumerable<Setting> Small(PoolKind kind) =>
        kind == PoolKind.Adaptive
            ? [Adaptive([2, 4, 5], [2, 3]), Adaptive([1, 2, 3, 2], [4, 1])]
            :
            [
                Sliding(kind, [1, 2, 4, 4], [2]),
                Sliding(kind, [1, 1, 5, 4], [3, 2], [1, 2], [1, 0], [1, 2]),
                Sliding(kind, [2, 4, 5], [3], [2], [1], ceil: true, countPadding: false),
            ];

    public static Setting Usual(PoolKind kind, params long[] shape) =>
        kind == PoolKind.Adaptive ? Adaptive(shape, [shape[^2] / 2 - 1, 2]) : Sliding(kind, shape, [2]);

    private static Setting Adaptive(long[] shape, long[] output) =>
        new($"shape={Join(shape)},output={Join(output)}", shape, Attributes.Of(output));

    /// <summary>An average knows no dilation; where the maximum has one, it does not count the padding.</summary>
    private static Setting Sliding(
        PoolKind kind,
        long[] shape,
        long[] kernel,
        long[]? stride = null,
        long[]? padding = null,
        long[]? dilation = null,
        bool ceil = false,
        bool countPadding = true
    )
    {
        stride ??= [];
        padding ??= [0];
        countPadding &= dilation is null;
        dilation ??= [1];
        var label =
            $"shape={Join(shape)},kernel={Join(kernel)},stride={Join(stride)},padding={Join(padding)},ceil={(ceil ? "yes" : "no")}";
        return kind == PoolKind.Maximum
            ? new($"{label},dilation={Join(dilation)}", shape, Attributes.Of(kernel, stride, padding, dilation, ceil))
            : new(
                $"{label},count_padding={(countPadding ? "yes" : "no")}",
                shape,
                Attributes.Of(kernel, stride, padding, ceil, countPadding)
            );
    }

    private static string Join(long[] values) => string.Join('x', values);
}
