namespace CudaNet;

/// <summary>input with the elements of src added at the positions that index names; of equal positions all are added, in order.</summary>
internal sealed class ScatterAddOp() : Op("scatter_add", "input, index, src; dim: int -> output")
{
    public static readonly ScatterAddOp Instance = new();

    protected internal override bool AcceptsStrides => true;

    protected internal override Saved Saves => Saved.Inputs(1);

    internal override CpuKernel? Cpu => CpuGather.ScatterAdd;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var (input, index, src) = (call.Input(0), call.Input(1), call.Input(2));
        GatherRules.RequireIndex(call, input, index, call.Attributes.Int(0));
        if (!index.Shape.Equals(src.Shape))
            throw call.ShapeError("expected index and src of one shape");
        if (input.DType != src.DType || !input.DType.IsFloating)
            throw call.DTypeError("expected input and src of one floating dtype; convert with Cast");
        outputs[0] = new(input.Shape, input.DType);
    }

    public override void Reference(ReferenceCall call)
    {
        var (x, index, src, y) = (call.Input(0), call.Input(1), call.Input(2), call.Output());
        var dim = x.Shape.Axis(call.Attributes.Int(0), Name);
        for (long i = 0; i < y.Shape.NumElements; i++)
            (y[i], y.Magnitude[i]) = (x[i], Math.Abs(x[i]));
        for (long i = 0; i < src.Shape.NumElements; i++)
        {
            var place = GatherRules.Place(i, index, x.Shape, dim, Name);
            y[place] += src[i];
            y.Magnitude[place] += Math.Abs(src[i]);
        }
        y.Terms = 1 + src.Shape[dim];
    }

    protected internal override void Backward(BackwardCall call)
    {
        var gradient = call.GradOutput();
        call.Set(0, gradient);
        if (call.Needs(2))
            call.Set(2, gradient.Gather((int)call.Attributes.Int(0), call.Input(1)));
    }

    public override double Flops(in OpCall call) => call.Input(2).NumElements;

    public override IEnumerable<OpCase> Cases()
    {
        foreach (var dtype in CaseSizes.Floating)
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
            [Draw.Normal(shape), Draw.Indices(new Shape(shape)[dim], index), Draw.Normal(index)],
            Attributes.Of((long)dim)
        );
}
