namespace CudaNet;

internal sealed class WhereOp() : Op("where", "condition, input, other -> output")
{
    public static readonly WhereOp Instance = new();

    internal override CpuKernel Cpu => CpuElementwise.Where;

    protected internal override bool AcceptsStrides => true;

    protected internal override bool Broadcasts => true;

    public override bool IsExact => true;

    protected internal override Saved Saves => Saved.Inputs(0);

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        if (call.Input(0).DType != DType.Bool)
            throw call.DTypeError("expected a condition of dtype bool; make one with a comparison such as Gt");
        var dtype = call.RequireSameDType(1, 2);
        var values = Shape.Broadcast(call.Input(1).Shape, call.Input(2).Shape);
        var shape = values is null ? null : Shape.Broadcast(call.Input(0).Shape, values);
        outputs[0] = new(
            shape
                ?? throw call.ShapeError(
                    "the shapes do not broadcast: from the last axis backwards, extents must be equal or 1"
                ),
            dtype
        );
    }

    public override void Reference(ReferenceCall call)
    {
        var (condition, a, b, y) = (call.Input(0), call.Input(1), call.Input(2), call.Output());
        for (long i = 0; i < y.Shape.NumElements; i++)
            y[i] = condition[i] != 0 ? a[i] : b[i];
    }

    protected internal override void Backward(BackwardCall call)
    {
        var (condition, gradient) = (call.Input(0), call.GradOutput());
        if (call.Needs(1))
            call.Set(1, Tensor.Where(condition, gradient, 0).SumTo(call.InputShape(1)));
        if (call.Needs(2))
            call.Set(2, Tensor.Where(condition, 0, gradient).SumTo(call.InputShape(2)));
    }

    public override IEnumerable<OpCase> Cases()
    {
        foreach (var dtype in DTypes.All)
        {
            foreach (var n in CaseSizes.Lengths)
                yield return Case(dtype, $"n={n}", [n], [n], [n]);
            var matrix = Case(dtype, "rows=13,cols=29", [13, 29], [13, 29], [13, 29]);
            foreach (var layout in Enum.GetValues<CaseLayout>())
                yield return matrix.With(layout);
            yield return Case(dtype, "condition=5x1x7,input=3x1,other=scalar", [5, 1, 7], [3, 1], []);
            yield return Case(dtype, "condition=9,input=scalar,other=4x9", [9], [], [4, 9]);
        }
        yield return Case(DType.Float64, "condition=2x3,input=3,other=2x1", [2, 3], [3], [2, 1]) with
        {
            CheckGradient = true,
        };
        yield return Case(DType.Float32, "n=1048576", [1048576], [1048576], [1048576]) with
        {
            IsBenchmark = true,
        };
    }

    private OpCase Case(DType dtype, string label, long[] condition, long[] input, long[] other) =>
        new(this, dtype, label, [Draw.Bools(condition), CaseSizes.Draw(dtype, input), CaseSizes.Draw(dtype, other)]);
}

/// <summary>A choice between two tensors, element by element.</summary>
public static class WhereExtensions
{
    extension(Tensor)
    {
        /// <summary>
        /// input where the condition, of dtype bool, is true and other elsewhere. The three shapes must broadcast by NumPy's rule and
        /// the dtypes of input and other be equal. A gradient flows to the chosen element only.
        /// </summary>
        public static Tensor Where(Tensor condition, Tensor input, Tensor other) =>
            WhereOp.Instance.Apply([condition, input, other]);

        /// <summary>The same with a number in place of other.</summary>
        public static Tensor Where(Tensor condition, Tensor input, double other) =>
            Tensor.Where(condition, input, input.Number(other, "where"));

        /// <summary>The same with a number in place of input.</summary>
        public static Tensor Where(Tensor condition, double input, Tensor other) =>
            Tensor.Where(condition, other.Number(input, "where"), other);
    }
}
