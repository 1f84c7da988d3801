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

/// <summary>The two axes of an upsampling of images.</summary>
internal sealed record Upsampling(long Planes, UpsampleAxis Y, UpsampleAxis X, bool IsLinear)
{
    public long InputSize { get; } = Y.Input * X.Input;

    public long OutputSize { get; } = Y.Output * X.Output;

    /// <summary>The places in the input that an output element is the mean of, and their shares.</summary>
    public IEnumerable<(long Place, double Share)> Places(long i)
    {
        var plane = i / OutputSize * InputSize;
        var (y, x) = (Y.At(i % OutputSize / X.Output), X.At(i % X.Output));
        if (!IsLinear)
            return [(plane + y.Lower * X.Input + x.Lower, 1)];
        return
        [
            (plane + y.Lower * X.Input + x.Lower, y.LowerShare * x.LowerShare),
            (plane + y.Lower * X.Input + x.Upper, y.LowerShare * x.UpperShare),
            (plane + y.Upper * X.Input + x.Lower, y.UpperShare * x.LowerShare),
            (plane + y.Upper * X.Input + x.Upper, y.UpperShare * x.UpperShare),
        ];
    }
}

/// <summary>An upsampling, or the adjoint of one, whose last attribute is then the shape of the upsampling's input.</summary>
internal abstract class UpsampleFamilyOp(string name, bool linear, bool adjoint, string signature) : Op(name, signature)
{
    /// <summary>The other one of upsampling and adjoint.</summary>
    protected abstract UpsampleFamilyOp Adjoint { get; }

    /// <summary>The upsampling of a call.</summary>
    public Upsampling Of(Shape first, Attributes attributes)
    {
        var input = adjoint ? new Shape(attributes.Ints(linear ? 2 : 1)) : first;
        var size = attributes.Ints(0);
        var planes = new Shape(input.Dims[..^2]).NumElements;
        return linear
            ? new(
                planes,
                UpsampleAxis.Linear(input[-2], size[0], attributes.Bool(1)),
                UpsampleAxis.Linear(input[-1], size[^1], attributes.Bool(1)),
                true
            )
            : new(planes, UpsampleAxis.Nearest(input[-2], size[0]), UpsampleAxis.Nearest(input[-1], size[^1]), false);
    }

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var dtype = call.RequireFloating();
        var first = call.Input(0).Shape;
        var input = adjoint ? new Shape(call.Attributes.Ints(linear ? 2 : 1)) : first;
        if (input.Rank is not (3 or 4) || input[-1] == 0 || input[-2] == 0)
            throw call.ShapeError(
                $"expected an input (N, C, H, W) or (C, H, W) with H and W of at least 1, not {input}; Reshape it"
            );
        var size = call.Attributes.Ints(0);
        if (size.Length is not (1 or 2) || size[0] < 1 || size[^1] < 1)
            throw new AttributeException(
                $"{call.Describe()}: output_size must be one number or two, for height and width, of at least 1; got ({string.Join(", ", size.ToArray())})"
            );
        var output = input.With(-2, size[0]).With(-1, size[^1]);
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
                    : linear ? 4
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
        linear ? 8.0 * (adjoint ? call.Input(0) : call.Output(0)).NumElements
        : adjoint ? call.Input(0).NumElements
        : 0;

    public override IEnumerable<OpCase> Cases()
    {
        foreach (var dtype in CaseSizes.Floating)
        foreach (var aligned in linear ? new[] { false, true } : [false])
        {
            yield return Case(dtype, [1, 1, 1, 1], [1], aligned);
            yield return Case(dtype, [1, 1, 1, 1], [3, 2], aligned);
            yield return Case(dtype, [2, 3, 5, 7], [10, 14], aligned);
            yield return Case(dtype, [1, 5, 9, 33], [13, 40], aligned);
            yield return Case(dtype, [3, 7, 31], [4, 17], aligned);
            yield return Case(dtype, [2, 1, 8, 6], [1, 1], aligned);
            yield return Case(dtype, [1, 1, 3, 11], [2, 1031], aligned);
            yield return Case(dtype, [0, 3, 4, 4], [8], aligned);
        }
        foreach (var layout in Enum.GetValues<CaseLayout>().Where(l => l != CaseLayout.Contiguous))
            yield return Case(DType.Float32, [2, 3, 6, 8], [9, 16], false).With(layout);
        foreach (var aligned in linear ? new[] { false, true } : [false])
        {
            yield return Case(DType.Float64, [1, 2, 2, 3], [4, 5], aligned) with
            {
                CheckGradient = true,
            };
            yield return Case(DType.Float64, [2, 4, 3], [2, 3], aligned) with
            {
                CheckGradient = true,
            };
        }
        yield return Case(DType.Float32, [16, 64, 32, 32], [64, 64], false) with
        {
            IsBenchmark = true,
        };
    }

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
        var drawn = adjoint ? shape.With(-2, size[0]).With(-1, size[^1]) : shape;
        return new(this, dtype, label, [new CaseInput(drawn)], Attributes.Of([.. values]));
    }
}
