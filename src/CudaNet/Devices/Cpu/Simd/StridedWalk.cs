using System.Runtime.CompilerServices;

namespace CudaNet;

/// <summary>
/// A walk over up to three operands in the C order of the output's shape. Axes that all operands step through together are merged,
/// so that most calls have one; the last axis is the inner loop.
/// </summary>
internal struct StridedWalk
{
    public long Count;
    public int Rank;
    public PerAxis Sizes;
    public PerAxis A;
    public PerAxis B;
    public PerAxis C;

    public StridedWalk(Shape shape, Tensor a, Tensor? b = null, Tensor? c = null)
    {
        Count = shape.NumElements;
        if (IsDense(a, shape) && IsDense(b, shape) && IsDense(c, shape))
        {
            Rank = 1;
            Sizes[0] = Count;
            A[0] = B[0] = C[0] = 1;
            return;
        }
        for (var axis = 0; axis < shape.Rank; axis++)
        {
            var size = shape[axis];
            if (size == 1)
                continue;
            var (x, y, z) = (Stride(a, shape, axis), Stride(b, shape, axis), Stride(c, shape, axis));
            var last = Rank - 1;
            if (last >= 0 && A[last] == x * size && B[last] == y * size && C[last] == z * size)
                Sizes[last] *= size;
            else
                Sizes[last = Rank++] = size;
            (A[last], B[last], C[last]) = (x, y, z);
        }
        if (Rank > 0)
            return;
        Rank = 1;
        Sizes[0] = Count;
    }

    private static bool IsDense(Tensor? tensor, Shape shape) =>
        tensor is null || (tensor.Shape.Equals(shape) && tensor.IsContiguous);

    private static long Stride(Tensor? tensor, Shape shape, int axis)
    {
        if (tensor is null)
            return 0;
        var own = axis - (shape.Rank - tensor.Rank);
        return own < 0 || tensor.Shape[own] == 1 ? 0 : tensor.Strides[own];
    }

    /// <summary>Runs the inner loop over the elements [0, Count), on several cores when that pays; <paramref name="cost"/> is the
    /// work of one element, in additions.</summary>
    public static void Run<TRun>(in StridedWalk walk, in TRun run, long cost)
        where TRun : struct, IInnerLoop
    {
        if (CpuThreads.IsSmall(walk.Count, cost))
            walk.Range(run, 0, walk.Count);
        else
            RunInParts(walk, run, cost);
    }

    // Apart from Run, so that only calls that are worth it allocate a closure.
    private static void RunInParts<TRun>(StridedWalk walk, TRun run, long cost)
        where TRun : struct, IInnerLoop =>
        CpuThreads.For(walk.Count, cost, (first, last) => walk.Range(run, first, last));

    private readonly void Range<TRun>(in TRun run, long first, long last)
        where TRun : struct, IInnerLoop
    {
        if (first >= last)
            return;
        var inner = Rank - 1;
        var at = new PerAxis();
        var (a, b, c) = (0L, 0L, 0L);
        var rest = first;
        for (var axis = inner; axis >= 0; axis--)
        {
            at[axis] = axis == 0 ? rest : rest % Sizes[axis];
            rest /= Sizes[axis];
            a += at[axis] * A[axis];
            b += at[axis] * B[axis];
            c += at[axis] * C[axis];
        }
        while (true)
        {
            var length = Math.Min(Sizes[inner] - at[inner], last - first);
            run.Run(first, a, b, c, length);
            first += length;
            if (first >= last)
                return;
            a -= at[inner] * A[inner];
            b -= at[inner] * B[inner];
            c -= at[inner] * C[inner];
            at[inner] = 0;
            for (var axis = inner - 1; axis >= 0; axis--)
            {
                a += A[axis];
                b += B[axis];
                c += C[axis];
                if (++at[axis] < Sizes[axis])
                    break;
                a -= Sizes[axis] * A[axis];
                b -= Sizes[axis] * B[axis];
                c -= Sizes[axis] * C[axis];
                at[axis] = 0;
            }
        }
    }
}

/// <summary>One number for each axis.</summary>
[InlineArray(Shape.MaxRank)]
internal struct PerAxis
{
    private long _first;
}

/// <summary>The inner loop of a <see cref="StridedWalk"/>.</summary>
internal interface IInnerLoop
{
    /// <summary>Computes <paramref name="count"/> elements of the output from position <paramref name="at"/>; the operands begin at
    /// <paramref name="a"/>, <paramref name="b"/> and <paramref name="c"/> and go on with their inner strides.</summary>
    void Run(long at, long a, long b, long c, long count);
}
