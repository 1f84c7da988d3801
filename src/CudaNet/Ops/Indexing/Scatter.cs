namespace CudaNet;

/// <summary>input with the elements of src in place of those at the positions that index names; of equal positions the last one stays.</summary>
internal sealed class ScatterOp() : ScatterFamilyOp("scatter")
{
    public static readonly ScatterOp Instance = new();

    public override bool IsExact => true;

    internal override CpuKernel? Cpu => CpuGather.Scatter;

    protected override IEnumerable<DType> CaseDTypes => DTypes.All;

    protected override void RequireDType(in OpCall call, DType input, DType src)
    {
        if (input != src)
            throw call.DTypeError("expected input and src of one dtype; convert with Cast");
    }

    protected override void Put(ReferenceTensor y, long place, double value) => y[place] = value;

    protected internal override void Backward(BackwardCall call)
    {
        var (gradient, index, dim) = (call.GradOutput(), call.Input(1), (int)call.Attributes.Int(0));
        if (call.Needs(0))
        {
            var zeros = Tensor.Zeros(index.Shape, gradient.DType, gradient.Device);
            call.Set(0, gradient.Scatter(dim, index, zeros));
        }
        if (call.Needs(2))
            call.Set(2, Tensor.Where(Stays(call.InputShape(0), index, dim), gradient.Gather(dim, index), 0));
    }

    /// <summary>Whether an element is still there at the end: whose own place along the axis is found where it was put.</summary>
    private static Tensor Stays(Shape shape, Tensor index, int dim)
    {
        var axis = index.Shape.Axis(dim, "scatter");
        var line = new long[index.Rank];
        Array.Fill(line, 1);
        line[axis] = index.Shape[axis];
        var own = Tensor.Arange(index.Shape[axis], device: index.Device).Reshape(line).Expand(index.Shape.Dims);
        var last = Tensor.Zeros(shape, DType.Int64, index.Device).Scatter(dim, index, own);
        return last.Gather(dim, index).Eq(own);
    }
}

/// <summary>Writing elements by index.</summary>
public static class ScatterExtensions
{
    extension(Tensor input)
    {
        /// <summary>
        /// A copy with the elements of <paramref name="src"/> at the positions along an axis that <paramref name="index"/> (i64, shaped as src)
        /// names; of several at one position the last stays, and gets the gradient. An index out of range is an error on the CPU; kernels
        /// ignore it.
        /// </summary>
        /// <exception cref="ShapeException">The shapes do not fit.</exception>
        public Tensor Scatter(int dim, Tensor index, Tensor src) =>
            ScatterOp.Instance.Apply([input, index, src], Attributes.Of((long)dim));

        /// <summary>
        /// A copy with the slices of <paramref name="src"/>, times <paramref name="alpha"/>, added to those along an axis that a vector of
        /// positions (i64) names; of equal positions all are added, in order.
        /// </summary>
        /// <exception cref="ShapeException">The index is no vector, or src has not one slice for each of its positions.</exception>
        public Tensor IndexAdd(int dim, Tensor index, Tensor src, double alpha = 1)
        {
            var axis = input.Shape.Axis(dim, "index_add");
            if (input.Rank == 0 || index.Rank != 1 || !src.Shape.Equals(input.Shape.With(axis, index.NumElements)))
                throw new ShapeException(
                    $"index_add(input {input.Shape}, index {index.Shape}, src {src.Shape}): expected an index with one axis and a src with as "
                        + $"many positions along axis {axis}, otherwise shaped as the input"
                );
            var column = new long[input.Rank];
            Array.Fill(column, 1);
            column[axis] = index.NumElements;
            // Expanded, the index takes no memory: the kernel reads it through stride 0.
            var places = index.Reshape(column).Expand(src.Shape.Dims);
            return input.ScatterAdd(axis, places, alpha == 1 ? src : src.Affine(alpha));
        }

        /// <summary>A new last axis of <paramref name="numClasses"/> with a 1 at the position that each element names and zeros elsewhere,
        /// i64. A number that is no class gives zeros only.</summary>
        /// <exception cref="DTypeException">The tensor is not i64.</exception>
        public Tensor OneHot(long numClasses) =>
            input.DType == DType.Int64
                ? input.Unsqueeze(-1).Eq(Tensor.Arange(numClasses, device: input.Device)).Cast(DType.Int64)
                : throw new DTypeException(
                    $"one_hot(input {input.Shape} {input.DType.Name}): expected class numbers of dtype i64; convert with Cast(DType.Int64)"
                );
    }
}
