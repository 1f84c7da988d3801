using System.Runtime.CompilerServices;

namespace CudaNet;

/// <summary>
/// A matrix product as kernels see it: extents, strides in elements and broadcast batch axes. Vectors have become matrices with one
/// row or column; batch axes along which both operands and the result step evenly are merged, into the rows where there is one B.
/// </summary>
internal struct MatMulPlan
{
    public long M;
    public long N;
    public long K;
    public long ARow;
    public long ACol;
    public long BRow;
    public long BCol;
    public long BatchCount;
    private int _axes;
    private Axes _extents;
    private Axes _stepsA;
    private Axes _stepsB;

    [InlineArray(Shape.MaxRank)]
    private struct Axes
    {
        private long _first;
    }

    /// <summary>The shape that matmul gives, or null when the batch axes do not broadcast.</summary>
    public static Shape? OutputShape(Shape a, Shape b)
    {
        var batch = Shape.Broadcast(Batch(a), Batch(b));
        if (batch is null)
            return null;
        Span<long> dims = stackalloc long[batch.Rank + 2];
        batch.Dims.CopyTo(dims);
        var n = batch.Rank;
        if (a.Rank > 1)
            dims[n++] = a[-2];
        if (b.Rank > 1)
            dims[n++] = b[-1];
        return new Shape(dims[..n]);
    }

    public static Shape Batch(Shape shape) => shape.Rank <= 2 ? Shape.Scalar : new Shape(shape.Dims[..^2]);

    /// <summary>The plan of input · other.</summary>
    public static MatMulPlan Of(Tensor a, Tensor b)
    {
        var plan = new MatMulPlan
        {
            M = a.Rank > 1 ? a.Shape[-2] : 1,
            K = a.Shape[-1],
            N = b.Rank > 1 ? b.Shape[-1] : 1,
            ARow = a.Rank > 1 ? a.Strides[^2] : 0,
            ACol = a.Strides[^1],
            BRow = b.Rank > 1 ? b.Strides[^2] : b.Strides[^1],
            BCol = b.Rank > 1 ? b.Strides[^1] : 0,
        };
        plan.AddBatch(a, b);
        return plan;
    }

    /// <summary>The plan of input · weightᵀ.</summary>
    public static MatMulPlan OfLinear(Tensor input, Tensor weight)
    {
        var plan = new MatMulPlan
        {
            M = input.Rank > 1 ? input.Shape[-2] : 1,
            K = weight.Shape[1],
            N = weight.Shape[0],
            ARow = input.Rank > 1 ? input.Strides[^2] : 0,
            ACol = input.Strides[^1],
            BRow = weight.Strides[1],
            BCol = weight.Strides[0],
        };
        plan.AddBatch(input, weight);
        return plan;
    }

    private void AddBatch(Tensor a, Tensor b)
    {
        BatchCount = 1;
        var rank = Math.Max(Math.Max(a.Rank, b.Rank) - 2, 0);
        var sameB = true;
        for (var axis = 0; axis < rank; axis++)
        {
            var (stepA, extentA) = Step(a, axis - rank + a.Rank - 2);
            var (stepB, extentB) = Step(b, axis - rank + b.Rank - 2);
            var extent = extentA == 1 ? extentB : extentA;
            if (extent == 1)
                continue;
            BatchCount *= extent;
            sameB &= stepB == 0;
            if (_axes > 0 && _stepsA[_axes - 1] == stepA * extent && _stepsB[_axes - 1] == stepB * extent)
            {
                _extents[_axes - 1] *= extent;
                (_stepsA[_axes - 1], _stepsB[_axes - 1]) = (stepA, stepB);
                continue;
            }
            _extents[_axes] = extent;
            (_stepsA[_axes], _stepsB[_axes]) = (stepA, stepB);
            _axes++;
        }
        if (!sameB || _axes != 1 || (M != 1 && _stepsA[0] != M * ARow))
            return;
        if (M == 1)
            ARow = _stepsA[0];
        M *= BatchCount;
        BatchCount = 1;
        _axes = 0;
    }

    private static (long Step, long Extent) Step(Tensor tensor, int axis) =>
        axis < 0 || tensor.Shape[axis] == 1
            ? (0, axis < 0 ? 1 : tensor.Shape[axis])
            : (tensor.Strides[axis], tensor.Shape[axis]);

    /// <summary>Where a matrix of the batch begins in A and in B, in elements.</summary>
    public readonly (nint A, nint B) Offsets(long batch)
    {
        long a = 0,
            b = 0;
        for (var axis = _axes - 1; axis >= 0; axis--)
        {
            var at = batch % _extents[axis];
            batch /= _extents[axis];
            a += at * _stepsA[axis];
            b += at * _stepsB[axis];
        }
        return ((nint)a, (nint)b);
    }
}
