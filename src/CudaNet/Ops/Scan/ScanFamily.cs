namespace CudaNet;

/// <summary>What cumulative ops share: each element of a line along <c>dim</c> is made of those up to it, or, in reverse, from it on.</summary>
internal abstract class ScanOp(string name, string inputs = "input")
    : Op(name, $"{inputs}; dim: int, reverse: bool = false -> output")
{
    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var input = call.Input(0);
        for (var i = 1; i < call.Inputs.Length; i++)
            if (!call.Input(i).Shape.Equals(input.Shape))
                throw call.ShapeError("expected inputs of one shape");
        input.Shape.Axis(call.Attributes.Int(0), Name);
        outputs[0] = new(input.Shape, RequireDType(call));
    }

    /// <summary>The dtype of the output: that of floating inputs, i64 for integers.</summary>
    protected virtual DType RequireDType(in OpCall call) =>
        call.Input(0).DType is { IsFloating: true } dtype ? dtype : DType.Int64;

    public override void Reference(ReferenceCall call)
    {
        var y = call.Output();
        foreach (var (first, step, n) in Slices.Of(y.Shape, call.Attributes.Int(0), Name))
            if (call.Attributes.Bool(1))
                Line(call, first + (n - 1) * step, -step, n);
            else
                Line(call, first, step, n);
        y.Terms = y.Shape.Rank == 0 ? 1 : Math.Max(1, y.Shape[y.Shape.Axis(call.Attributes.Int(0), Name)]);
    }

    /// <summary>The textbook loop over the n elements at first, first + step, …</summary>
    protected abstract void Line(ReferenceCall call, long first, long step, long n);

    /// <summary>The axis and direction of the forward call, the direction turned around when <paramref name="back"/> is set.</summary>
    protected static (int Dim, bool Reverse) Along(BackwardCall call, bool back) =>
        ((int)call.Attributes.Int(0), call.Attributes.Bool(1) != back);

    public override double Flops(in OpCall call) => call.Input(0).NumElements;

    /// <summary>The inputs of a case.</summary>
    protected abstract CaseInput[] DrawInputs(params long[] shape);

    /// <summary>The dtypes of the case list.</summary>
    protected virtual IEnumerable<DType> CaseDTypes => CaseSizes.Floating;

    /// <summary>The inputs of the cases that derivatives are proven with.</summary>
    protected virtual IEnumerable<(string Label, CaseInput[] Inputs)> GradientInputs(params long[] shape) =>
        [("", DrawInputs(shape))];

    protected OpCase Case(DType dtype, string label, CaseInput[] inputs, long dim, bool reverse = false) =>
        new(this, dtype, label, inputs, Attributes.Of(dim, reverse));

    public override IEnumerable<OpCase> Cases()
    {
        foreach (var dtype in CaseDTypes)
        {
            foreach (var n in CaseSizes.Lengths)
                yield return Case(dtype, $"n={n}", DrawInputs(n), 0);
            foreach (
                var (shape, dim, reverse) in new (long[], long, bool)[]
                {
                    ([5, 33, 7], 1, false),
                    ([5, 33, 7], 1, true),
                    ([37, 3], 0, true),
                    ([2, 3, 65, 33], -2, false),
                    ([3, 1023], 1, true),
                    ([3, 1024], 1, false),
                    ([2, 1025], 1, true),
                    ([3, 0], 1, false),
                    ([0, 3], 1, false),
                    ([1], -1, true),
                }
            )
                yield return Case(
                    dtype,
                    $"shape={string.Join('x', shape)},dim={dim}{(reverse ? ",reverse" : "")}",
                    DrawInputs(shape),
                    dim,
                    reverse
                );
            foreach (var layout in Enum.GetValues<CaseLayout>().Where(l => l != CaseLayout.Contiguous))
                yield return Case(dtype, "rows=9,cols=67", DrawInputs(9, 67), 1).With(layout);
        }
        // Long enough to be split among several blocks, both ways.
        yield return Case(DType.Float32, "n=40013", DrawInputs(40013), 0);
        yield return Case(DType.Float32, "shape=20011x3,dim=0,reverse", DrawInputs(20011, 3), 0, reverse: true);
        foreach (var (label, inputs) in GradientInputs(2, 4))
        {
            yield return Case(DType.Float64, $"rows=2,cols=4{label}", inputs, 1) with
            {
                CheckGradient = true,
            };
            yield return Case(DType.Float64, $"rows=2,cols=4{label},reverse", inputs, -1, reverse: true) with
            {
                CheckGradient = true,
            };
        }
        yield return Case(DType.Float32, "rows=512,cols=1024", DrawInputs(512, 1024), 1) with
        {
            IsBenchmark = true,
        };
    }
}

/// <summary>A line seen from the next place.</summary>
internal static class Neighbours
{
    /// <summary>The elements moved one place along an axis, towards its end when <paramref name="forward"/> is set; the one at the end that
    /// is left free is <paramref name="fill"/>.</summary>
    public static Tensor Shift(Tensor x, int dim, bool forward, double fill)
    {
        var axis = x.Shape.Axis(dim, "shift");
        var n = x.Rank == 0 ? 1 : x.Shape[axis];
        if (n == 0)
            return x;
        if (x.Rank == 0)
            return Tensor.Full(x.Shape, fill, x.DType, x.Device);
        var free = Tensor.Full(x.Shape.With(axis, 1), fill, x.DType, x.Device);
        return forward
            ? Tensor.Concat([free, x.Slice(axis, 0, n - 1)], axis)
            : Tensor.Concat([x.Slice(axis, 1, n), free], axis);
    }
}
