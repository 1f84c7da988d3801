namespace CudaNet;

/// <summary>What ops share that pick positions along one axis by an index tensor.</summary>
internal static class GatherRules
{
    /// <summary>The axis, once index and input are known to fit.</summary>
    public static int RequireIndex(in OpCall call, Tensor input, Tensor index, long dim)
    {
        if (index.DType != DType.Int64)
            throw call.DTypeError("expected an index of dtype i64; convert with Cast(DType.Int64)");
        if (input.Rank == 0 || index.Rank != input.Rank)
            throw call.ShapeError("expected an index with as many axes as the input, at least one");
        var axis = input.Shape.Axis(dim, call.Op.Name);
        for (var i = 0; i < input.Rank; i++)
            if (i != axis && index.Shape[i] > input.Shape[i])
                throw call.ShapeError($"expected an index no longer than the input along every axis but {axis}");
        return axis;
    }

    public static ShapeException OutOfRange(string op, double index, int dim, Shape shape) =>
        new($"{op}: index {index} is out of range; axis {dim} of {shape} has positions 0 to {shape[dim] - 1}");

    /// <summary>Where the element that index position <paramref name="i"/> names lies in a tensor of shape <paramref name="shape"/>.</summary>
    public static long Place(long i, ReferenceTensor index, Shape shape, int dim, string op)
    {
        long place = 0;
        for (var axis = 0; axis < shape.Rank; axis++)
        {
            var at = axis == dim ? (long)index[i] : i / index.Shape.ContiguousStrides[axis] % index.Shape[axis];
            if (at < 0 || at >= shape[axis])
                throw OutOfRange(op, at, dim, shape);
            place += at * shape.ContiguousStrides[axis];
        }
        return place;
    }
}

/// <summary>output[i][j] = input[index[i][j]][j] for dim 0, and likewise along other axes.</summary>
internal sealed class GatherOp() : Op("gather", "input, index; dim: int -> output")
{
    public static readonly GatherOp Instance = new();

    protected internal override bool AcceptsStrides => true;

    protected internal override Saved Saves => Saved.Inputs(1);

    public override bool IsExact => true;

    internal override CpuKernel? Cpu => CpuGather.Gather;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        GatherRules.RequireIndex(call, call.Input(0), call.Input(1), call.Attributes.Int(0));
        outputs[0] = new(call.Input(1).Shape, call.Input(0).DType);
    }

    public override void Reference(ReferenceCall call)
    {
        var (x, index, y) = (call.Input(0), call.Input(1), call.Output());
        var dim = x.Shape.Axis(call.Attributes.Int(0), Name);
        for (long i = 0; i < y.Shape.NumElements; i++)
            y[i] = x[GatherRules.Place(i, index, x.Shape, dim, Name)];
    }

    protected internal override void Backward(BackwardCall call)
    {
        var gradient = call.GradOutput();
        var zeros = Tensor.Zeros(call.InputShape(0), gradient.DType, gradient.Device);
        call.Set(0, zeros.ScatterAdd((int)call.Attributes.Int(0), call.Input(1), gradient));
    }

    public override double Flops(in OpCall call) => 0;

    public override IEnumerable<OpCase> Cases()
    {
        foreach (var dtype in CaseSizes.Floating.Append(DType.Int64).Append(DType.Bool))
        {
            yield return Case(dtype, [33], [257], 0);
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
        yield return Case(DType.Float32, [4096, 256], [4096, 256], 0) with
        {
            IsBenchmark = true,
        };
    }

    private OpCase Case(DType dtype, long[] shape, long[] index, int dim) =>
        new(
            this,
            dtype,
            $"shape={string.Join('x', shape)},index={string.Join('x', index)},dim={dim}",
            [
                dtype.IsFloating
                    ? Draw.Normal(shape)
                    : new CaseInput(shape, DrawKind.Integers, 0, dtype == DType.Bool ? 2 : 200),
                Draw.Indices(new Shape(shape)[dim], index),
            ],
            Attributes.Of((long)dim)
        );
}

/// <summary>Picking elements by index, and its adjoint.</summary>
public static class GatherExtensions
{
    extension(Tensor input)
    {
        /// <summary>
        /// The elements whose positions along an axis <paramref name="index"/> (i64, as many axes as the input) names; the result has the
        /// shape of the index. An index out of range is an error on the CPU; kernels give NaN (0 for integers) for it.
        /// </summary>
        public Tensor Gather(int dim, Tensor index) =>
            GatherOp.Instance.Apply([input, index], Attributes.Of((long)dim));

        /// <summary>
        /// A copy with the elements of <paramref name="src"/> added at the positions along an axis that <paramref name="index"/> (i64, shaped
        /// as src) names. The order of additions is fixed unless <see cref="Engine.UseDeterministicAlgorithms"/> frees it. An index out of range is an error on the CPU; kernels ignore it.
        /// </summary>
        public Tensor ScatterAdd(int dim, Tensor index, Tensor src) =>
            ScatterAddOp.Instance.Apply([input, index, src], Attributes.Of((long)dim));

        /// <summary>The slices along an axis that a vector of positions (i64) names.</summary>
        public Tensor IndexSelect(int dim, Tensor index) =>
            IndexSelectOp.Instance.Apply([input, index], Attributes.Of((long)dim));
    }
}
