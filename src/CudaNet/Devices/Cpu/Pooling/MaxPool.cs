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
            pool.Planes * pool.Z.Output * pool.Y.Output,
            pool.X.Output * pool.Z.Kernel * pool.Y.Kernel * pool.X.Kernel,
            (first, last) =>
            {
                using var rows = new PoolRows<T>(pool, V.Count, T.NegativeInfinity);
                var width = pool.X.Output;
                var places = Places(pool);
                var largest = new T[rows.Width];
                var taps = new T[rows.Width];
                fixed (
                    T* best = largest,
                        tap = taps
                )
                    for (var row = first; row < last; row++)
                    {
                        var (slices, output) = Math.DivRem(row, pool.Y.Output);
                        var (plane, slice) = Math.DivRem(slices, pool.Z.Output);
                        rows.Seek((T*)x + plane * pool.InputSize, plane, slice, output);
                        Compare<V, T>(rows, best, tap);
                        Buffer.MemoryCopy(best, (T*)y + row * width, width * sizeof(T), width * sizeof(T));
                        Place(pool, slice, output, places, tap, (long*)indices + row * width);
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

    /// <summary>The place of each tap in the plane, as seen from the window's origin.</summary>
    private static long[] Places(Pool pool)
    {
        var (z, y, x) = (pool.Z, pool.Y, pool.X);
        var places = new long[z.Kernel * y.Kernel * x.Kernel];
        for (long tap = 0; tap < places.Length; tap++)
        {
            var (row, column) = Math.DivRem(tap, x.Kernel);
            var (slice, line) = Math.DivRem(row, y.Kernel);
            places[tap] = (slice * z.Dilation * y.Input + line * y.Dilation) * x.Input + column * x.Dilation;
        }
        return places;
    }

    /// <summary>From numbers of taps to places in the plane.</summary>
    private static void Place<T>(Pool pool, long slice, long output, long[] places, T* taps, long* indices)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var (z, y, x) = (pool.Z, pool.Y, pool.X);
        var origin = (z.Start(slice) * y.Input + y.Start(output)) * x.Input - x.Padding;
        for (long i = 0; i < x.Output; i++, origin += x.Stride)
        {
            var tap = T.ConvertToIntegerNative<int>(taps[i]);
            indices[i] =
                tap >= 0
                    ? origin + places[tap]
                    : (z.Window(slice).First * y.Input + y.Window(output).First) * x.Input + x.Window(i).First;
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
                    var window = PoolWindow.Of(pool, i);
                    var source = (T*)x + window.Plane;
                    var (best, at) = (T.NegativeInfinity, window.First);
                    for (var z = window.Z.First; z < window.Z.End; z++)
                    for (var row = window.Y.First; row < window.Y.End; row++)
                    {
                        var (place, end) = (window.Place(z, row, window.X.First), window.Place(z, row, window.X.End));
                        for (; place < end; place++)
                            if (source[place] > best || T.IsNaN(source[place]))
                                (best, at) = (source[place], place);
                    }
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
