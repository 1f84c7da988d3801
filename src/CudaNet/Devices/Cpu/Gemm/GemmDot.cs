using System.Numerics;
using System.Runtime.CompilerServices;

namespace CudaNet;

/// <summary>
/// Products with few rows or one column whose operands both lie along K, such as a linear layer for a single sample: inner products,
/// bound by reading the larger operand once. Packing it would read and write it once more.
/// </summary>
internal static unsafe class GemmDot<TSimd, V, T>
    where TSimd : struct, IGemmVector<T, V>
    where V : struct
    where T : unmanaged, INumber<T>
{
    private const int FewRows = 3;

    public static bool Serves(in GemmProblem<T> p) =>
        (p.ACol == 1 || p.K == 1) && (p.BRow == 1 || p.K == 1) && (p.M <= FewRows || p.N == 1);

    public static void Run(in GemmProblem<T> p, bool parallel)
    {
        // The roles are those of the operand with few rows and of the one with many.
        var byRows = p.N == 1 && p.M > FewRows;
        var side = new Side
        {
            Few = byRows ? p.B : p.A,
            FewStep = byRows ? p.BCol : p.ARow,
            FewCount = byRows ? p.N : p.M,
            Many = byRows ? p.A : p.B,
            ManyStep = byRows ? p.ARow : p.BCol,
            ManyCount = byRows ? p.M : p.N,
            K = p.K,
            C = p.C,
            FewStepC = byRows ? 1 : p.CRow,
            ManyStepC = byRows ? p.CRow : 1,
            Bias = p.Bias,
            BiasStep = byRows ? 0 : 1,
        };
        if (parallel && p.Work >= Gemm.ParallelWork)
            RunParallel(side);
        else
            side.Run(0, side.ManyCount);
    }

    private static void RunParallel(Side side) =>
        CpuThreads.For(
            side.ManyCount,
            Math.Max(1, side.FewCount * side.K / 4),
            (first, last) => side.Run((nint)first, (nint)last)
        );

    private struct Side
    {
        public T* Few;
        public nint FewStep;
        public nint FewCount;
        public T* Many;
        public nint ManyStep;
        public nint ManyCount;
        public nint K;
        public T* C;
        public nint FewStepC;
        public nint ManyStepC;
        public T* Bias;
        public nint BiasStep;

        public readonly void Run(nint first, nint last)
        {
            for (var j = first; j < last; j++)
            for (nint i = 0; i < FewCount; i++)
            {
                var value = Dot(Few + i * FewStep, Many + j * ManyStep, K);
                C[i * FewStepC + j * ManyStepC] = Bias == null ? value : value + Bias[j * BiasStep];
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static T Dot(T* x, T* y, nint length)
    {
        var width = TSimd.Count;
        V s0 = TSimd.Zero,
            s1 = TSimd.Zero,
            s2 = TSimd.Zero,
            s3 = TSimd.Zero;
        nint i = 0;
        for (; i <= length - 4 * width; i += 4 * width)
        {
            s0 = TSimd.MultiplyAdd(TSimd.Load(x + i), TSimd.Load(y + i), s0);
            s1 = TSimd.MultiplyAdd(TSimd.Load(x + i + width), TSimd.Load(y + i + width), s1);
            s2 = TSimd.MultiplyAdd(TSimd.Load(x + i + 2 * width), TSimd.Load(y + i + 2 * width), s2);
            s3 = TSimd.MultiplyAdd(TSimd.Load(x + i + 3 * width), TSimd.Load(y + i + 3 * width), s3);
        }
        for (; i <= length - width; i += width)
            s0 = TSimd.MultiplyAdd(TSimd.Load(x + i), TSimd.Load(y + i), s0);
        var sum = TSimd.Sum(TSimd.Add(TSimd.Add(s0, s1), TSimd.Add(s2, s3)));
        for (; i < length; i++)
            sum += x[i] * y[i];
        return sum;
    }
}
