namespace CudaNet;

/// <summary>What reductions over axes share: <c>dim</c> names the axes (none = all), <c>keepdim</c> keeps them with extent 1.</summary>
/// <param name="name">The op's name.</param>
/// <param name="more">Attributes beyond those two, as in a signature, with a comma in front.</param>
internal abstract class ReductionOp(string name, string more = "")
    : Op(name, $"input; dim: ints = , keepdim: bool = false{more} -> output")
{
    protected internal override bool AcceptsStrides => true;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs) =>
        outputs[0] = new(
            call.Input(0).Shape.Reduce(call.Attributes.Ints(0), call.Attributes.Bool(1), Name),
            RequireDType(call)
        );

    protected virtual DType RequireDType(in OpCall call) => call.RequireFloating();

    /// <summary>Throws when there are outputs but no elements to make them of.</summary>
    protected void RequireElements(in OpCall call, string wanted)
    {
        var shape = call.Input(0).Shape;
        if (shape.NumElements == 0 && shape.Reduce(call.Attributes.Ints(0), false, Name).NumElements > 0)
            throw call.ShapeError($"there is no {wanted} of no elements; reduce only axes with an extent above 0");
    }

    /// <summary>For every output element, the values that it is made of.</summary>
    protected static IEnumerable<(long Output, List<long> Inputs)> Groups(
        Shape input,
        ReadOnlySpan<long> axes,
        string name
    )
    {
        var kept = input.Reduce(axes, keepAxes: true, name);
        var groups = new List<long>[kept.NumElements];
        for (var g = 0; g < groups.Length; g++)
            groups[g] = [];
        for (long i = 0; i < input.NumElements; i++)
        {
            long output = 0;
            for (var axis = 0; axis < input.Rank; axis++)
                if (kept[axis] != 1)
                    output += i / input.ContiguousStrides[axis] % input[axis] * kept.ContiguousStrides[axis];
            groups[output].Add(i);
        }
        return groups.Select((members, output) => ((long)output, members));
    }

    /// <summary>A gradient of the output with the shape of the input.</summary>
    protected static Tensor Spread(BackwardCall call, Tensor gradient)
    {
        var shape = call.InputShape(0);
        return gradient.Reshape(shape.Reduce(call.Attributes.Ints(0), keepAxes: true, "reduce")).Expand(shape.Dims);
    }

    /// <summary>How the operand of the case list is drawn.</summary>
    protected virtual CaseInput DrawInput(params long[] shape) => Draw.Normal(shape);

    /// <summary>How it is drawn for integer dtypes.</summary>
    protected virtual CaseInput DrawIntegers(params long[] shape) => new(shape, DrawKind.Integers, -1000, 1000);

    /// <summary>The attributes of the case list.</summary>
    protected virtual Attributes CaseAttributes(long[] axes, bool keepDim) => Attributes.Of(axes, keepDim);

    protected OpCase Case(DType dtype, string label, CaseInput input, long[] axes, bool keepDim = false) =>
        new(this, dtype, label, [input], CaseAttributes(axes, keepDim));

    /// <summary>The axes of the case list on a shape with three.</summary>
    protected virtual IReadOnlyList<long[]> CaseAxes =>
        [
            [0],
            [1],
            [2],
            [0, 2],
            [1, -1],
            [0, 1],
            [0, 1, 2],
        ];

    /// <summary>Whether integers are reduced too, exactly.</summary>
    protected virtual bool TakesIntegers => true;

    /// <summary>Whether a reduction over nothing has a value.</summary>
    protected virtual bool HasIdentity => true;

    public override IEnumerable<OpCase> Cases()
    {
        foreach (var dtype in CaseSizes.Floating)
        {
            foreach (var n in CaseSizes.Lengths.Where(n => n > 0))
                yield return Case(dtype, $"n={n}", DrawInput(n), []);
            foreach (var axes in CaseAxes)
            {
                var sum = Case(dtype, $"shape=5x33x7,dim={string.Join('+', axes)}", DrawInput(5, 33, 7), axes);
                foreach (var layout in Enum.GetValues<CaseLayout>())
                    yield return sum.With(layout);
            }
            yield return Case(dtype, "shape=3x1025,dim=1,keepdim", DrawInput(3, 1025), [1], keepDim: true);
            yield return Case(dtype, "shape=1025x3,dim=0", DrawInput(1025, 3), [0]);
        }
        if (TakesIntegers)
            foreach (var dtype in new[] { DType.Int64, DType.Int32 })
            foreach (var axes in new long[][] { [], [0], [1], [2] })
                yield return Case(dtype, $"shape=3x37x5,dim={string.Join('+', axes)}", DrawIntegers(3, 37, 5), axes);
        if (HasIdentity)
            yield return Case(DType.Float32, "shape=3x0x2,dim=1", DrawInput(3, 0, 2), [1]);
        yield return Case(DType.Float32, "shape=0x4,dim=1", DrawInput(0, 4), [1]);
        // Long enough to be split among several blocks, both ways.
        yield return Case(DType.Float32, "n=40013", DrawInput(40013), []);
        yield return Case(DType.Float32, "shape=20011x3,dim=0", DrawInput(20011, 3), [0]);
        foreach (var gradient in GradientCases())
            yield return gradient;
        foreach (var axes in new long[][] { [1], [0], [] })
            yield return Case(
                DType.Float32,
                $"shape=512x1024,dim={string.Join('+', axes)}",
                DrawInput(512, 1024),
                axes
            ) with
            {
                IsBenchmark = true,
            };
    }

    /// <summary>Cases for ops that NaN wins: in some groups one element or several are NaN, in others none is.</summary>
    protected IEnumerable<OpCase> NaNCases()
    {
        foreach (var dtype in CaseSizes.Floating)
        foreach (var axes in new long[][] { [0], [1], [2] })
            yield return Case(dtype, $"shape=5x33x7,dim={string.Join('+', axes)},nan", WithNaN(5, 33, 7), axes);
        yield return Case(DType.Float32, "n=4099,nan", WithNaN(4099), []);

        CaseInput WithNaN(params long[] shape) =>
            DrawInput(shape) with
            {
                Map = (i, value) => i % 77 is 3 or 20 ? double.NaN : value,
            };
    }

    /// <summary>The cases that first and second derivatives are proven with.</summary>
    protected virtual IEnumerable<OpCase> GradientCases()
    {
        foreach (var (axes, keep) in new (long[], bool)[] { ([1], false), ([], true), ([0, 2], false) })
            yield return Case(
                DType.Float64,
                $"shape=2x3x2,dim={string.Join('+', axes)}{(keep ? ",keepdim" : "")}",
                DrawInput(2, 3, 2),
                axes,
                keep
            ) with
            {
                CheckGradient = true,
            };
    }
}
