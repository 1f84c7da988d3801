namespace CudaNet;

/// <summary>What scatter_add and scatter share: elements of src are put at the positions along one axis that index names, in order.</summary>
internal abstract class ScatterFamilyOp(string name) : Op(name, "input, index, src; dim: int -> output")
{
    protected internal override bool AcceptsStrides => true;

    protected internal override Saved Saves => Saved.Inputs(1);

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var (input, index, src) = (call.Input(0), call.Input(1), call.Input(2));
        GatherRules.RequireIndex(call, input, index, call.Attributes.Int(0));
        if (!index.Shape.Equals(src.Shape))
            throw call.ShapeError("expected index and src of one shape");
        RequireDType(call, input.DType, src.DType);
        outputs[0] = new(input.Shape, input.DType);
    }

    protected abstract void RequireDType(in OpCall call, DType input, DType src);

    public override void Reference(ReferenceCall call)
    {
        var (x, index, src, y) = (call.Input(0), call.Input(1), call.Input(2), call.Output());
        var dim = x.Shape.Axis(call.Attributes.Int(0), Name);
        for (long i = 0; i < y.Shape.NumElements; i++)
            (y[i], y.Magnitude[i]) = (x[i], Math.Abs(x[i]));
        for (long i = 0; i < src.Shape.NumElements; i++)
            Put(y, GatherRules.Place(i, index, x.Shape, dim, Name), src[i]);
        y.Terms = 1 + src.Shape[dim];
    }

    protected abstract void Put(ReferenceTensor y, long place, double value);

    public override double Flops(in OpCall call) => call.Input(2).NumElements;

    /// <summary>The dtypes of the case list.</summary>
    protected virtual IEnumerable<DType> CaseDTypes => CaseSizes.Floating;

    public override IEnumerable<OpCase> Cases()
    {
        foreach (var dtype in CaseDTypes)
        {
            yield return Case(dtype, [33], [257], 0);
            yield return Case(dtype, [1], [31], 0);
            yield return Case(dtype, [7, 5], [9, 4], 0);
            yield return Case(dtype, [7, 5], [6, 31], 1);
            yield return Case(dtype, [3, 11, 5], [2, 40, 5], -2);
            yield return Case(dtype, [4, 3], [0, 3], 0);
        }
        foreach (var layout in Enum.GetValues<CaseLayout>())
            yield return Case(DType.Float32, [6, 8], [6, 5], 1).With(layout);
        yield return Case(DType.Float64, [3, 4], [3, 5], 1) with
        {
            CheckGradient = true,
        };
        yield return Case(DType.Float32, [1024, 256], [4096, 256], 0) with
        {
            IsBenchmark = true,
        };
    }

    private OpCase Case(DType dtype, long[] shape, long[] index, int dim) =>
        new(
            this,
            dtype,
            $"shape={string.Join('x', shape)},index={string.Join('x', index)},dim={dim}",
            [CaseSizes.Draw(dtype, shape), Draw.Indices(new Shape(shape)[dim], index), CaseSizes.Draw(dtype, index)],
            Attributes.Of((long)dim)
        );
}

/// <summary>input with the elements of src added at the positions that index names; of equal positions all are added, in order.</summary>
internal sealed class ScatterAddOp() : ScatterFamilyOp("scatter_add")
{
    public static readonly ScatterAddOp Instance = new();

    internal override CpuKernel? Cpu => CpuGather.ScatterAdd;

    protected internal override ReadOnlySpan<int> NondeterministicVariants => [3]; // of kernels/indexing/gather.cu

    protected override void RequireDType(in OpCall call, DType input, DType src)
    {
        if (input != src || !input.IsFloating)
            throw call.DTypeError("expected input and src of one floating dtype; convert with Cast");
    }

    protected override void Put(ReferenceTensor y, long place, double value)
    {
        y[place] += value;
        y.Magnitude[place] += Math.Abs(value);
    }

    protected internal override void Backward(BackwardCall call)
    {
        var gradient = call.GradOutput();
        call.Set(0, gradient);
        if (call.Needs(2))
            call.Set(2, gradient.Gather((int)call.Attributes.Int(0), call.Input(1)));
    }
}
