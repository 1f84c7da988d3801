namespace CudaNet;

/// <summary>
/// One axis of an upsampling: position o of the output shows the input at (Scale·o + Shift) / Divisor. In whole numbers, so that every
/// device finds the same neighbours.
/// </summary>
internal readonly record struct UpsampleAxis(long Input, long Output, long Scale, long Shift, long Divisor)
{
    public static UpsampleAxis Nearest(long input, long output) => new(input, output, input, 0, output);

    /// <summary>With aligned corners the first and last positions show each other; otherwise positions are the centres of equal cells.</summary>
    public static UpsampleAxis Linear(long input, long output, bool alignCorners) =>
        alignCorners
            ? new(input, output, output > 1 ? input - 1 : 0, 0, Math.Max(1, output - 1))
            : new(input, output, 2 * input, input - output, 2 * output);

    /// <summary>The neighbours between which an output position lies, and their shares.</summary>
    public UpsampleSample At(long output)
    {
        var (lower, rest) = Math.DivRem(Math.Max(0, Scale * output + Shift), Divisor);
        return new(lower, Math.Min(lower + 1, Input - 1), (double)(Divisor - rest) / Divisor, (double)rest / Divisor);
    }
}

/// <summary>Two neighbours and their shares, each made from whole numbers: one less the other would lose digits.</summary>
internal readonly record struct UpsampleSample(long Lower, long Upper, double LowerShare, double UpperShare);

/// <summary>An upsampling of volumes, or of images, whose depth is 1 and stays it.</summary>
internal sealed record Upsampling(long Planes, UpsampleAxis Z, UpsampleAxis Y, UpsampleAxis X, bool IsLinear)
{
    public long InputSize { get; } = Z.Input * Y.Input * X.Input;

    public long OutputSize { get; } = Z.Output * Y.Output * X.Output;

    /// <summary>The places in the input that an output element is the mean of, and their shares.</summary>
    public IEnumerable<(long Place, double Share)> Places(long i)
    {
        var plane = i / OutputSize * InputSize;
        var (z, y, x) = (Z.At(i / (Y.Output * X.Output) % Z.Output), Y.At(i / X.Output % Y.Output), X.At(i % X.Output));
        foreach (var (slice, deep) in Ends(z))
        foreach (var (row, high) in Ends(y))
        foreach (var (column, wide) in Ends(x))
            yield return (plane + (slice * Y.Input + row) * X.Input + column, deep * high * wide);
    }

    private (long At, double Share)[] Ends(UpsampleSample sample) =>
        IsLinear ? [(sample.Lower, sample.LowerShare), (sample.Upper, sample.UpperShare)] : [(sample.Lower, 1)];
}

/// <summary>An upsampling, or the adjoint of one, whose last attribute is then the shape of the upsampling's input.</summary>
internal abstract class UpsampleFamilyOp(string name, int axes, bool linear, bool adjoint, string signature)
    : Op(name, signature)
{
    /// <summary>The other one of upsampling and adjoint.</summary>
    protected abstract UpsampleFamilyOp Adjoint { get; }

    /// <summary>The upsampling of a call.</summary>
    public Upsampling Of(Shape first, Attributes attributes)
    {
        var input = adjoint ? new Shape(attributes.Ints(linear ? 2 : 1)) : first;
        return new(new Shape(input.Dims[..^axes]).NumElements, Axis(3), Axis(2), Axis(1), linear);

        UpsampleAxis Axis(int fromEnd)
        {
            if (fromEnd > axes)
                return UpsampleAxis.Nearest(1, 1);
            var size = Size(attributes, fromEnd);
            return linear
                ? UpsampleAxis.Linear(input[-fromEnd], size, attributes.Bool(1))
                : UpsampleAxis.Nearest(input[-fromEnd], size);
        }
    }

    private long Size(Attributes attributes, int fromEnd)
    {
        var sizes = attributes.Ints(0);
        return sizes.Length == 1 ? sizes[0] : sizes[^fromEnd];
    }

    private Shape Resized(Shape input, Attributes attributes)
    {
        for (var i = 1; i <= axes; i++)
            input = input.With(-i, Size(attributes, i));
        return input;
    }

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var dtype = call.RequireFloating();
        var first = call.Input(0).Shape;
        var input = adjoint ? new Shape(call.Attributes.Ints(linear ? 2 : 1)) : first;
        SpatialAxes.RequireImages(call, axes, input);
        var size = call.Attributes.Ints(0).ToArray();
        if ((size.Length != 1 && size.Length != axes) || size.Any(n => n < 1))
            throw new AttributeException(
                $"{call.Describe()}: output_size must be {SpatialAxes.Numbers(axes)}, of at least 1; got ({string.Join(", ", size)})"
            );
        var output = Resized(input, call.Attributes);
        if (adjoint && !first.Equals(output))
            throw call.ShapeError($"expected grad_output of shape {output} for an input of {input}");
        outputs[0] = new(adjoint ? input : output, dtype);
    }

    public override void Reference(ReferenceCall call)
    {
        var (from, to) = (call.Input(), call.Output());
        var upsampling = Of(from.Shape, call.Attributes);
        var (count, hits) = ((adjoint ? from : to).Shape.NumElements, new long[adjoint ? to.Shape.NumElements : 0]);
        for (long i = 0; i < count; i++)
            foreach (var (place, share) in upsampling.Places(i))
            {
                var (source, target) = adjoint ? (i, place) : (place, i);
                to[target] += share * from[source];
                to.Magnitude[target] += share * Math.Abs(from[source]);
                to.Terms =
                    adjoint ? Math.Max(to.Terms, ++hits[target])
                    : linear ? 1 << axes
                    : 1;
            }
    }

    protected internal override void Backward(BackwardCall call)
    {
        var (size, attributes) = (call.Attributes.Ints(0).ToArray(), new List<AttributeValue>());
        attributes.Add(size);
        if (linear)
            attributes.Add(call.Attributes.Bool(1));
        if (!adjoint)
            attributes.Add(call.InputShape(0));
        call.Set(0, Adjoint.Apply([call.GradOutput()], Attributes.Of([.. attributes])));
    }

    internal override CpuKernel? Cpu => adjoint ? CpuUpsample.Backward : CpuUpsample.Forward;

    public override double Flops(in OpCall call) =>
        linear ? (2 << axes) * (double)(adjoint ? call.Input(0) : call.Output(0)).NumElements
        : adjoint ? call.Input(0).NumElements
        : 0;

    public override IEnumerable<OpCase> Cases()
    {
        foreach (var dtype in CaseSizes.Floating)
        foreach (var aligned in linear ? new[] { false, true } : [false])
        foreach (var (shape, size) in axes == 2 ? s_images : s_volumes)
            yield return Case(dtype, shape, size, aligned);
        foreach (var layout in Enum.GetValues<CaseLayout>().Where(l => l != CaseLayout.Contiguous))
            yield return axes == 2
                ? Case(DType.Float32, [2, 3, 6, 8], [9, 16], false).With(layout)
                : Case(DType.Float32, [2, 2, 3, 6, 8], [4, 9, 5], false).With(layout);
        foreach (var aligned in linear ? new[] { false, true } : [false])
        foreach (var (shape, size) in axes == 2 ? s_smallImages : s_smallVolumes)
            yield return Case(DType.Float64, shape, size, aligned) with
            {
                CheckGradient = true,
            };
        yield return (
            axes == 2
                ? Case(DType.Float32, [16, 64, 32, 32], [64, 64], false)
                : Case(DType.Float32, [2, 32, 16, 32, 32], [32, 64, 64], false)
        ) with
        {
            IsBenchmark = true,
        };
    }

    private static readonly (long[] Shape, long[] Size)[] s_images =
    [
        ([1, 1, 1, 1], [1]),
        ([1, 1, 1, 1], [3, 2]),
        ([2, 3, 5, 7], [10, 14]),
        ([1, 5, 9, 33], [13, 40]),
        ([3, 7, 31], [4, 17]),
        ([2, 1, 8, 6], [1, 1]),
        ([1, 1, 3, 11], [2, 1031]),
        ([0, 3, 4, 4], [8]),
    ];

    private static readonly (long[] Shape, long[] Size)[] s_volumes =
    [
        ([1, 1, 1, 1, 1], [3, 1, 2]),
        ([1, 5, 3, 4, 5], [6, 8, 10]),
        ([2, 6, 5, 7], [4, 3, 11]),
        ([1, 1, 3, 2, 7], [1, 4, 257]),
        ([0, 3, 4, 4, 4], [8]),
    ];

    private static readonly (long[] Shape, long[] Size)[] s_smallImages = [([1, 2, 2, 3], [4, 5]), ([2, 4, 3], [2, 3])];

    private static readonly (long[] Shape, long[] Size)[] s_smallVolumes = [([2, 3, 2, 2], [2, 3, 4])];

    private OpCase Case(DType dtype, Shape shape, long[] size, bool aligned)
    {
        var label = $"shape={string.Join('x', shape)},output={string.Join('x', size)}";
        var values = new List<AttributeValue> { size };
        if (linear)
        {
            label += $",aligned={(aligned ? "yes" : "no")}";
            values.Add(aligned);
        }
        if (adjoint)
            values.Add(shape);
        var attributes = Attributes.Of([.. values]);
        return new(this, dtype, label, [new CaseInput(adjoint ? Resized(shape, attributes) : shape)], attributes);
    }
}
