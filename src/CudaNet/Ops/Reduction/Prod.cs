namespace CudaNet;

internal sealed class ProdOp() : ReductionOp("prod")
{
    public static readonly ProdOp Instance = new();

    protected internal override Saved Saves => Saved.Inputs(0);

    internal override CpuKernel? Cpu => CpuReduce.Prod;

    protected override DType RequireDType(in OpCall call) =>
        call.Input(0).DType is { IsFloating: true } dtype ? dtype : DType.Int64;

    public override void Reference(ReferenceCall call)
    {
        var (x, y) = (call.Input(), call.Output());
        foreach (var (output, inputs) in Groups(x.Shape, call.Attributes.Ints(0), Name))
        {
            y[output] = 1;
            foreach (var i in inputs)
                y[output] *= x[i];
            y.Terms = Math.Max(inputs.Count, 1);
        }
    }

    protected internal override void Backward(BackwardCall call)
    {
        var (x, shape) = (call.Input(0), call.InputShape(0));
        // The reduced axes last, and as one.
        var kept = shape.Reduce(call.Attributes.Ints(0), keepAxes: true, Name);
        var order = Enumerable.Range(0, shape.Rank).OrderBy(i => kept[i] != shape[i] ? 1 : 0).ToArray();
        var moved = x.Permute([.. order.Select(i => (long)i)]);
        var lines = moved.Reshape(kept.NumElements, shape.NumElements / Math.Max(1, kept.NumElements));
        // The product of the others is that of those before times that of those after: right with zeros, unlike output / input.
        var others = Neighbours
            .Shift(lines, 1, forward: true, fill: 1)
            .CumProd(1)
            .Mul(Neighbours.Shift(lines, 1, forward: false, fill: 1).CumProd(1, reverse: true));
        var back = new long[shape.Rank];
        for (var i = 0; i < back.Length; i++)
            back[order[i]] = i;
        call.Set(0, Spread(call, call.GradOutput()).Mul(others.Reshape(moved.Shape).Permute(back)));
    }

    public override double Flops(in OpCall call) => call.Input(0).NumElements;

    // Near 1, so that products of thousands stay within the range of every dtype.
    protected override CaseInput DrawInput(params long[] shape) => Draw.Away(0.95, 1.05, shape);

    protected override CaseInput DrawIntegers(params long[] shape) => new(shape, DrawKind.Integers, -1, 2);

    protected override IEnumerable<OpCase> GradientCases() =>
        base.GradientCases()
            .Concat(
                new long[][] { [1], [0, 2] }.Select(axes =>
                    Case(
                        DType.Float64,
                        $"shape=3x4x2,dim={string.Join('+', axes)},zeros",
                        new CaseInput([3, 4, 2], DrawKind.Integers, -1, 3),
                        axes
                    ) with
                    {
                        CheckGradient = true,
                    }
                )
            );
}

/// <summary>Products.</summary>
public static class ProdExtensions
{
    extension(Tensor input)
    {
        /// <summary>The product over <paramref name="dim"/>, or over all axes when none is named; 1 over no elements. Integers and
        /// booleans give i64, which wraps. The gradient is right where elements are 0.</summary>
        public Tensor Prod(ReadOnlySpan<long> dim = default, bool keepDim = false) =>
            ProdOp.Instance.Apply([input], Attributes.Of(dim, keepDim));

        /// <summary>The product along one axis.</summary>
        public Tensor Prod(int dim, bool keepDim = false) => input.Prod([dim], keepDim);
    }
}
