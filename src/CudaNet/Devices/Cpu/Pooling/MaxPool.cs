using System.Numerics;
using System.Runtime.CompilerServices;

namespace CudaNet;

/// <summary>Max pooling. Sliding windows are compared a row at a time, see <see cref="PoolRows{T}"/>, and branches are masks.</summary>
internal static unsafe class CpuMaxPool
{
    public static void Forward(in OpCall call)
    {
        if (((PoolOp)call.Op).Windows(call).Y.IsAdaptive)
            TypedKernel.Floating(call, call.Input(0).DType, Adaptive<float>, Adaptive<double>);
        else
            VectorKernel.Run<SlidingKernel>(call);
    }

    public static void Backward(in OpCall call) =>
        TypedKernel.Floating(call, call.Input(0).DType, Scatter<float>, Scatter<double>);

    private readonly struct SlidingKernel : IVectorKernel
    {
        public static void Run<V, T>(in OpCall call)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, IFloatingPointIeee754<T>, IMinMaxValue<T> => Sliding<V, T>(call);
    }

    private static void Sliding<V, T>(in OpCall call)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var pool = ((PoolOp)call.Op).Windows(call);
        var (x, y, indices) = ((nint)call.Input(0).Data, (nint)call.Output(0).Data, (nint)call.Output(1).Data);
        CpuThreads.For(
            pool.Planes * pool.Y.Output,
            pool.X.Output * pool.Y.Kernel * pool.X.Kernel,
            (first, last) =>
            {
                using var rows = new PoolRows<T>(pool, V.Count, T.NegativeInfinity);
                var (height, width) = (pool.Y.Output, pool.X.Output);
                var (plane, output) = Math.DivRem(first, height);
                var largest = new T[rows.Width];
                var taps = new T[rows.Width];
                fixed (
                    T* best = largest,
                        tap = taps
                )
                    for (var row = first; row < last; row++)
                    {
                        rows.Seek((T*)x + plane * pool.InputSize, plane, output);
                        Compare<V, T>(rows, best, tap);
                        Buffer.MemoryCopy(best, (T*)y + row * width, width * sizeof(T), width * sizeof(T));
                        Place(pool, output, tap, (long*)indices + row * width);
                        if (++output == height)
                            (plane, output) = (plane + 1, 0);
                    }
            }
        );
    }

    /// <summary>The largest value of each window of a row and the number of its tap; −1 where nothing is larger than −∞.</summary>
    private static void Compare<V, T>(PoolRows<T> rows, T* best, T* tap)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        for (long i = 0; i < rows.Width; i += V.Count)
        {
            var (largest, number) = (V.Create(T.NegativeInfinity), V.Create(-T.One));
            for (var t = 0; t < rows.Count; t++)
            {
                var value = V.Load(rows.Tap(t) + i);
                var better = V.LessThan(largest, value) | ~V.Equal(value, value);
                largest = V.Select(better, value, largest);
                number = V.Select(better, V.Create(T.CreateTruncating(rows.Number(t))), number);
            }
            largest.Store(best + i);
            number.Store(tap + i);
        }
    }

    /// <summary>From numbers of taps to places in the plane.</summary>
    private static void Place<T>(Pool pool, long output, T* taps, long* indices)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var (y, x) = (pool.Y, pool.X);
        var (kernel, stride, across, down) = ((int)x.Kernel, x.Stride, x.Dilation, y.Dilation * x.Input);
        var origin = y.Start(output) * x.Input - x.Padding;
        for (long i = 0; i < x.Output; i++, origin += stride)
        {
            var tap = T.ConvertToIntegerNative<int>(taps[i]);
            var row = kernel == 2 ? tap >> 1 : tap / kernel;
            indices[i] = origin + row * down + (tap - row * kernel) * across;
            if (tap < 0)
                indices[i] = y.Window(output).First * x.Input + x.Window(i).First;
        }
    }

    private static void Adaptive<T>(in OpCall call)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var pool = ((PoolOp)call.Op).Windows(call);
        var (x, y, indices) = ((nint)call.Input(0).Data, (nint)call.Output(0).Data, (nint)call.Output(1).Data);
        CpuThreads.For(
            pool.Planes * pool.OutputSize,
            pool.InputSize / pool.OutputSize + 1,
            (first, last) =>
            {
                for (var i = first; i < last; i++)
                {
                    var source = (T*)x + i / pool.OutputSize * pool.InputSize;
                    var (top, bottom) = pool.Y.Window(i / pool.X.Output % pool.Y.Output);
                    var (left, right) = pool.X.Window(i % pool.X.Output);
                    var (best, at) = (T.NegativeInfinity, top * pool.X.Input + left);
                    for (var row = top; row < bottom; row++)
                    for (var place = row * pool.X.Input + left; place < row * pool.X.Input + right; place++)
                        if (source[place] > best || T.IsNaN(source[place]))
                            (best, at) = (source[place], place);
                    ((T*)y)[i] = best;
                    ((long*)indices)[i] = at;
                }
            }
        );
    }

    private static void Scatter<T>(in OpCall call)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var pool = ((PoolOp)call.Op).Windows(call);
        var (g, indices, x) = ((nint)call.Input(0).Data, (nint)call.Input(1).Data, (nint)call.Output(0).Data);
        var wrong = new StrongBox<long?>();
        CpuThreads.For(
            pool.Planes,
            pool.InputSize + pool.OutputSize,
            (first, last) =>
            {
                for (var plane = first; plane < last; plane++)
                {
                    var target = new Span<T>((T*)x + plane * pool.InputSize, checked((int)pool.InputSize));
                    var from = plane * pool.OutputSize;
                    var misplaced = Scatter((T*)g + from, (long*)indices + from, pool.OutputSize, target);
                    if (misplaced >= 0)
                        wrong.Value = ((long*)indices)[from + misplaced];
                }
            }
        );
        if (wrong.Value is { } index)
            throw MaxPoolBackwardOp.OutOfRange(call.Op.Name, index, pool);
    }

    /// <summary>Adds values at places of a plane; the position of one that lies outside, or −1.</summary>
    private static long Scatter<T>(T* values, long* places, long count, Span<T> plane)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        plane.Clear();
        var misplaced = -1L;
        for (long i = 0; i < count; i++)
            if ((ulong)places[i] < (ulong)plane.Length)
                plane[(int)places[i]] += values[i];
            else
                misplaced = i;
        return misplaced;
    }
}
