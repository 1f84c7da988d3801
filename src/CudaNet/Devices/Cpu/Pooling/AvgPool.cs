using System.Numerics;

namespace CudaNet;

/// <summary>Average pooling. Sliding windows are added up a row of windows at a time, see <see cref="PoolRows{T}"/>.</summary>
internal static unsafe class CpuAvgPool
{
    public static void Forward(in OpCall call)
    {
        if (((PoolOp)call.Op).Windows(call).Y.IsAdaptive)
            TypedKernel.Floating(call, call.Input(0).DType, Adaptive<float>, Adaptive<double>);
        else
            VectorKernel.Run<SlidingKernel>(call);
    }

    public static void Backward(in OpCall call) =>
        TypedKernel.Floating(call, call.Input(0).DType, Spread<float>, Spread<double>);

    private readonly struct SlidingKernel : IVectorKernel
    {
        public static void Run<V, T>(in OpCall call)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, IFloatingPointIeee754<T>, IMinMaxValue<T> => Sliding<V, T>(call);
    }

    /// <summary>The divisors along an axis.</summary>
    private static T[] Divisors<T>(PoolAxis axis, bool countPadding, long length)
        where T : INumber<T>
    {
        var divisors = new T[length];
        for (long i = 0; i < length; i++)
            divisors[i] = i < axis.Output ? T.CreateTruncating(axis.Divisor(i, countPadding)) : T.One;
        return divisors;
    }

    private static void Sliding<V, T>(in OpCall call)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var pool = ((PoolOp)call.Op).Windows(call);
        var (x, y) = ((nint)call.Input(0).Data, (nint)call.Output(0).Data);
        CpuThreads.For(
            pool.Planes * pool.Z.Output * pool.Y.Output,
            pool.X.Output * pool.Z.Kernel * pool.Y.Kernel * pool.X.Kernel,
            (first, last) =>
            {
                using var rows = new PoolRows<T>(pool, V.Count, T.Zero);
                var divisors = Divisors<T>(pool.X, pool.CountPadding, rows.Width);
                var line = new T[rows.Width];
                var width = pool.X.Output;
                fixed (
                    T* means = line,
                        columns = divisors
                )
                    for (var row = first; row < last; row++)
                    {
                        var (slices, output) = Math.DivRem(row, pool.Y.Output);
                        var (plane, slice) = Math.DivRem(slices, pool.Z.Output);
                        rows.Seek((T*)x + plane * pool.InputSize, plane, slice, output);
                        var divisor = T.CreateTruncating(
                            pool.Z.Divisor(slice, pool.CountPadding) * pool.Y.Divisor(output, pool.CountPadding)
                        );
                        Average<V, T>(rows, divisor, columns, means);
                        Buffer.MemoryCopy(means, (T*)y + row * width, width * sizeof(T), width * sizeof(T));
                    }
            }
        );
    }

    private static void Average<V, T>(PoolRows<T> rows, T others, T* columns, T* means)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        for (long i = 0; i < rows.Width; i += V.Count)
        {
            var sum = V.Create(T.Zero);
            for (var t = 0; t < rows.Count; t++)
                sum += V.Load(rows.Tap(t) + i);
            (sum / (V.Load(columns + i) * V.Create(others))).Store(means + i);
        }
    }

    private static void Adaptive<T>(in OpCall call)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var pool = ((PoolOp)call.Op).Windows(call);
        var (x, y) = ((nint)call.Input(0).Data, (nint)call.Output(0).Data);
        CpuThreads.For(
            pool.Planes * pool.OutputSize,
            pool.InputSize / pool.OutputSize + 1,
            (first, last) =>
            {
                for (var i = first; i < last; i++)
                {
                    var window = PoolWindow.Of(pool, i);
                    var source = (T*)x + window.Plane;
                    var sum = T.Zero;
                    for (var z = window.Z.First; z < window.Z.End; z++)
                    {
                        // Windows of the whole width are one run.
                        var rows = pool.X.Output == 1 ? window.Y.First + 1 : window.Y.End;
                        var run = pool.X.Output == 1 ? window.Y.End - window.Y.First : 1;
                        for (var row = window.Y.First; row < rows; row++)
                            sum += Sum(
                                source + window.Place(z, row, window.X.First),
                                run * (window.X.End - window.X.First)
                            );
                    }
                    ((T*)y)[i] = sum / T.CreateTruncating(window.Divisor);
                }
            }
        );
    }

    private static T Sum<T>(T* x, long count)
        where T : unmanaged, IFloatingPointIeee754<T> => RowMath.Sum(x, checked((int)count));

    /// <summary>Plane by plane: windows of one plane meet in its elements, those of two planes never.</summary>
    private static void Spread<T>(in OpCall call)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var pool = ((PoolOp)call.Op).Windows(call);
        var (g, x) = ((nint)call.Input(0).Data, (nint)call.Output(0).Data);
        CpuThreads.For(
            pool.Planes,
            pool.InputSize + pool.OutputSize,
            (first, last) =>
            {
                var slices = Divisors<T>(pool.Z, pool.CountPadding, pool.Z.Output);
                var rows = Divisors<T>(pool.Y, pool.CountPadding, pool.Y.Output);
                var columns = Divisors<T>(pool.X, pool.CountPadding, pool.X.Output);
                var windows = new (long Left, long Right)[pool.X.Output];
                for (long i = 0; i < windows.Length; i++)
                    windows[i] = pool.X.Window(i);
                var width = pool.X.Input;
                for (var plane = first; plane < last; plane++)
                {
                    var target = (T*)x + plane * pool.InputSize;
                    var source = (T*)g + plane * pool.OutputSize;
                    new Span<T>(target, checked((int)pool.InputSize)).Clear();
                    for (long slice = 0; slice < slices.Length; slice++)
                    for (long row = 0; row < rows.Length; row++, source += columns.Length)
                    {
                        var ((front, back), (top, bottom)) = (pool.Z.Window(slice), pool.Y.Window(row));
                        var others = slices[slice] * rows[row];
                        for (var z = front; z < back; z++)
                        {
                            var (begin, end) = (z * pool.Y.Input + top, z * pool.Y.Input + bottom);
                            for (var i = 0; i < columns.Length; i++)
                            {
                                var share = source[i] / (others * columns[i]);
                                var (left, right) = windows[i];
                                for (var line = target + begin * width; line < target + end * width; line += width)
                                for (var col = left; col < right; col++)
                                    line[col] += share;
                            }
                        }
                    }
                }
            }
        );
    }
}
