using System.Numerics;
using System.Runtime.InteropServices;

namespace CudaNet;

/// <summary>
/// Vectorised layer and RMS normalisation: a row at a time, in passes over what the first pass has brought into the cache. For RMS
/// normalisation the mean counts as 0.
/// </summary>
internal static unsafe class CpuRowNorm
{
    public static void LayerForward(in OpCall call) => VectorKernel.Run<LayerForwardKernel>(call);

    public static void LayerBackward(in OpCall call) => VectorKernel.Run<LayerBackwardKernel>(call);

    public static void RmsForward(in OpCall call) => VectorKernel.Run<RmsForwardKernel>(call);

    public static void RmsBackward(in OpCall call) => VectorKernel.Run<RmsBackwardKernel>(call);

    private readonly struct LayerForwardKernel : IVectorKernel
    {
        public static void Run<V, T>(in OpCall call)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, IFloatingPointIeee754<T>, IMinMaxValue<T> => Forward<V, T>(call, centred: true);
    }

    private readonly struct RmsForwardKernel : IVectorKernel
    {
        public static void Run<V, T>(in OpCall call)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, IFloatingPointIeee754<T>, IMinMaxValue<T> => Forward<V, T>(call, centred: false);
    }

    private readonly struct LayerBackwardKernel : IVectorKernel
    {
        public static void Run<V, T>(in OpCall call)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, IFloatingPointIeee754<T>, IMinMaxValue<T> => Backward<V, T>(call, centred: true);
    }

    private readonly struct RmsBackwardKernel : IVectorKernel
    {
        public static void Run<V, T>(in OpCall call)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, IFloatingPointIeee754<T>, IMinMaxValue<T> => Backward<V, T>(call, centred: false);
    }

    private static void Forward<V, T>(in OpCall call, bool centred)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var n = (int)new Shape(call.Attributes.Ints(0)).NumElements;
        var eps = T.CreateTruncating(call.Attributes.Float(1));
        var (x, y) = ((nint)call.Input(0).Data, (nint)call.Output(0).Data);
        var mean = centred ? (nint)call.Output(1).Data : 0;
        var rstd = (nint)call.Output(centred ? 2 : 1).Data;
        var weight = call.Has(1) ? (nint)call.Input(1).Data : 0;
        var bias = centred && call.Has(2) ? (nint)call.Input(2).Data : 0;
        CpuThreads.For(
            call.Output(1).NumElements,
            n,
            (first, last) =>
            {
                for (var row = first; row < last; row++)
                {
                    var source = (T*)x + row * n;
                    var m = T.Zero;
                    if (centred)
                        ((T*)mean)[row] = m = RowMath.Sum<V, T>(source, n) / T.CreateTruncating(n);
                    var r = NormMath.InverseDeviation(RowMath.SumSquares<V, T>(source, m, n), n, eps);
                    ((T*)rstd)[row] = r;
                    NormMath.Normalise<V, T>(source, m, r, (T*)weight, (T*)bias, (T*)y + row * n, n);
                }
            }
        );
    }

    private const int MostBlocks = 32;

    private static void Backward<V, T>(in OpCall call, bool centred)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var n = (int)new Shape(call.Attributes.Ints(0)).NumElements;
        var rows = call.Input(3).NumElements;
        var parameters = centred ? 2L : 1L;
        var (g, x) = ((nint)call.Input(0).Data, (nint)call.Input(1).Data);
        var weight = call.Has(2) ? (nint)call.Input(2).Data : 0;
        var mean = centred ? (nint)call.Input(3).Data : 0;
        var rstd = (nint)call.Input(centred ? 4 : 3).Data;
        var gx = (nint)call.Output(0).Data;
        // Blocks of rows, by the shape alone, each with sums of its own for weight and bias: so every sum has one order whatever the
        // number of threads, and a row is read once for all three gradients.
        var blocks = (int)Math.Min(MostBlocks, (rows + 7) / 8);
        var sums =
            weight == 0 ? null : (T*)NativeMemory.AllocZeroed((nuint)(parameters * n * blocks), (nuint)sizeof(T));
        var address = (nint)sums;
        CpuThreads.For(
            blocks,
            3L * n * rows / Math.Max(1, blocks),
            (first, last) =>
            {
                for (var block = first; block < last; block++)
                {
                    var own = address == 0 ? null : (T*)address + block * parameters * n;
                    for (var row = rows * block / blocks; row < rows * (block + 1) / blocks; row++)
                        Row<V, T>(
                            (T*)g + row * n,
                            (T*)x + row * n,
                            (T*)weight,
                            centred ? ((T*)mean)[row] : T.Zero,
                            ((T*)rstd)[row],
                            (T*)gx + row * n,
                            own,
                            n,
                            centred
                        );
                }
            }
        );
        if (sums == null)
            return;
        Add<V, T>(sums, blocks, parameters * n, (T*)call.Output(1).Data, n);
        if (centred)
            Add<V, T>(sums + n, blocks, parameters * n, (T*)call.Output(2).Data, n);
        NativeMemory.Free(sums);
    }

    /// <summary>The gradient of one row; what it adds to those of weight and bias goes to <paramref name="sums"/> unless it is null.</summary>
    private static void Row<V, T>(T* g, T* x, T* weight, T mean, T rstd, T* gx, T* sums, int n, bool centred)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T>
    {
        var (m, r) = (V.Create(mean), V.Create(rstd));
        var (total, product, i) = (V.Create(T.Zero), V.Create(T.Zero), 0);
        for (; i <= n - V.Count; i += V.Count)
        {
            var (gradient, normal) = (V.Load(g + i), (V.Load(x + i) - m) * r);
            if (sums != null)
            {
                V.MultiplyAdd(gradient, normal, V.Load(sums + i)).Store(sums + i);
                if (centred)
                    (V.Load(sums + n + i) + gradient).Store(sums + n + i);
                gradient *= V.Load(weight + i);
            }
            total += gradient;
            product = V.MultiplyAdd(gradient, normal, product);
        }
        var (sum, inner) = (V.Sum(total), V.Sum(product));
        for (; i < n; i++)
        {
            var (gradient, normal) = (g[i], (x[i] - mean) * rstd);
            if (sums != null)
            {
                sums[i] += gradient * normal;
                if (centred)
                    sums[n + i] += gradient;
                gradient *= weight[i];
            }
            sum += gradient;
            inner += gradient * normal;
        }
        sum = centred ? sum / T.CreateTruncating(n) : T.Zero;
        inner /= T.CreateTruncating(n);
        var (s, p) = (V.Create(sum), V.Create(inner));
        for (i = 0; i <= n - V.Count; i += V.Count)
        {
            var gradient = V.Load(g + i);
            if (weight != null)
                gradient *= V.Load(weight + i);
            (r * (gradient - s - (V.Load(x + i) - m) * r * p)).Store(gx + i);
        }
        for (; i < n; i++)
            gx[i] = rstd * (g[i] * (weight == null ? T.One : weight[i]) - sum - (x[i] - mean) * rstd * inner);
    }

    /// <summary>y = Σ over the blocks, in their order.</summary>
    private static void Add<V, T>(T* sums, int blocks, long step, T* y, int n)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T>
    {
        new Span<T>(y, n).Clear();
        for (var block = 0; block < blocks; block++, sums += step)
        {
            var i = 0;
            for (; i <= n - V.Count; i += V.Count)
                (V.Load(y + i) + V.Load(sums + i)).Store(y + i);
            for (; i < n; i++)
                y[i] += sums[i];
        }
    }
}
