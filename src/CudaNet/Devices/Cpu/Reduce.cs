using System.Numerics;

namespace CudaNet;

/// <summary>How two partial results of a reduction become one.</summary>
internal interface IFold<T>
    where T : unmanaged
{
    static abstract T Identity { get; }
    static abstract T Join(T a, T b);
    static abstract Vector<T> Join(Vector<T> a, Vector<T> b);

    /// <summary>Joins the results of whole chunks, in float64.</summary>
    static abstract double JoinChunks(double a, double b);
}

internal readonly struct AddFold<T> : IFold<T>
    where T : unmanaged, INumber<T>
{
    public static T Identity => T.Zero;

    public static T Join(T a, T b) => a + b;

    public static Vector<T> Join(Vector<T> a, Vector<T> b) => a + b;

    public static double JoinChunks(double a, double b) => a + b;
}

/// <summary>The larger one; NaN wins.</summary>
internal readonly struct MaxFold<T> : IFold<T>
    where T : unmanaged, INumber<T>, IMinMaxValue<T>
{
    public static T Identity =>
        T.IsInfinity(T.CreateSaturating(double.NegativeInfinity))
            ? T.CreateSaturating(double.NegativeInfinity)
            : T.MinValue;

    public static T Join(T a, T b) => a > b || T.IsNaN(a) ? a : b;

    public static Vector<T> Join(Vector<T> a, Vector<T> b) =>
        Vector.ConditionalSelect(Vector.GreaterThan(a, b) | ~Vector.Equals(a, a), a, b);

    public static double JoinChunks(double a, double b) => Math.Max(a, b);
}

/// <summary>
/// Reductions of any axes of a strided tensor: along dense rows with several vectors at a time, across dense columns with one vector per
/// neighbouring outputs, otherwise one element after the other. Long reductions are cut into chunks whose results are joined in float64, so
/// that rounding errors do not grow with the length and a single sum still uses all cores.
/// </summary>
internal static unsafe class CpuReduce
{
    private const long Chunk = 16384;
    private const int ColumnTile = 256;
    private const int ColumnFlush = 128;

    public static void Sum(in OpCall call)
    {
        switch (call.Input(0).DType)
        {
            case DType.Float32:
                Reduce<float, AddFold<float>>(call, mean: false);
                break;
            case DType.Float64:
                Reduce<double, AddFold<double>>(call, mean: false);
                break;
            case DType.Int64:
                SumIntegers<long>(call);
                break;
            case DType.Int32:
                SumIntegers<int>(call);
                break;
            case DType.UInt8 or DType.Bool:
                SumIntegers<byte>(call);
                break;
            default:
                ReferenceRunner.Run(call);
                break;
        }
    }

    public static void Mean(in OpCall call)
    {
        switch (call.Input(0).DType)
        {
            case DType.Float32:
                Reduce<float, AddFold<float>>(call, mean: true);
                break;
            case DType.Float64:
                Reduce<double, AddFold<double>>(call, mean: true);
                break;
            default:
                ReferenceRunner.Run(call);
                break;
        }
    }

    public static void Max(in OpCall call)
    {
        switch (call.Input(0).DType)
        {
            case DType.Float32:
                Reduce<float, MaxFold<float>>(call, mean: false);
                break;
            case DType.Float64:
                Reduce<double, MaxFold<double>>(call, mean: false);
                break;
            case DType.Int64:
                MaxIntegers<long>(call);
                break;
            case DType.Int32:
                MaxIntegers<int>(call);
                break;
            default:
                ReferenceRunner.Run(call);
                break;
        }
    }

    public static void ArgMax(in OpCall call)
    {
        switch (call.Input(0).DType)
        {
            case DType.Float32:
                ArgMax<float>(call);
                break;
            case DType.Float64:
                ArgMax<double>(call);
                break;
            case DType.Int64:
                ArgMax<long>(call);
                break;
            case DType.Int32:
                ArgMax<int>(call);
                break;
            default:
                ReferenceRunner.Run(call);
                break;
        }
    }

    public static void MaxShare(in OpCall call)
    {
        switch (call.Input(0).DType)
        {
            case DType.Float32:
                MaxShare<float>(call);
                break;
            case DType.Float64:
                MaxShare<double>(call);
                break;
            default:
                ReferenceRunner.Run(call);
                break;
        }
    }

    private static void Reduce<T, TFold>(in OpCall call, bool mean)
        where T : unmanaged, IFloatingPointIeee754<T>
        where TFold : IFold<T>
    {
        var axes = new ReduceAxes(call.Input(0), call.Attributes.Ints(0), call.Op.Name);
        if (axes.Outputs == 0)
            return;
        var (x, y) = ((nint)call.Input(0).Data, (nint)call.Output(0).Data);
        var scale = mean ? axes.Count : 1.0;
        var chunks = Math.Max(1, (axes.Count + Chunk - 1) / Chunk);
        if (chunks == 1)
        {
            Chunks<T, TFold>(axes, (T*)x, chunks, (at, value) => ((T*)y)[at] = T.CreateTruncating(value / scale));
            return;
        }
        var partial = new double[axes.Outputs * chunks];
        Chunks<T, TFold>(axes, (T*)x, chunks, (at, value) => partial[at] = value);
        for (long output = 0; output < axes.Outputs; output++)
        {
            var total = partial[output];
            for (long chunk = 1; chunk < chunks; chunk++)
                total = TFold.JoinChunks(total, partial[chunk * axes.Outputs + output]);
            ((T*)y)[output] = T.CreateTruncating(total / scale);
        }
    }

    /// <summary>Gives the result of every chunk c of every output o to <paramref name="store"/> at c · outputs + o.</summary>
    private static void Chunks<T, TFold>(ReduceAxes axes, T* data, long chunks, Action<long, double> store)
        where T : unmanaged, IFloatingPointIeee754<T>
        where TFold : IFold<T>
    {
        var x = (nint)data;
        var columns = axes.DenseColumns;
        if (!axes.HasDenseRows && columns >= Vector<T>.Count)
        {
            var tiles = (columns + ColumnTile - 1) / ColumnTile;
            var groups = axes.Outputs / columns;
            CpuThreads.For(
                chunks * groups * tiles,
                Math.Min(axes.Count, Chunk) * Math.Min(columns, ColumnTile),
                (first, last) =>
                {
                    for (var item = first; item < last; item++)
                    {
                        var (rest, tile) = Math.DivRem(item, tiles);
                        var (chunk, group) = Math.DivRem(rest, groups);
                        var output = group * columns + tile * ColumnTile;
                        var width = (int)Math.Min(ColumnTile, columns - tile * ColumnTile);
                        FoldColumns<T, TFold>(
                            axes,
                            (T*)x + axes.First(output),
                            chunk,
                            width,
                            chunk * axes.Outputs + output,
                            store
                        );
                    }
                }
            );
            return;
        }
        CpuThreads.For(
            axes.Outputs * chunks,
            Math.Min(axes.Count, Chunk),
            (first, last) =>
            {
                for (var item = first; item < last; item++)
                {
                    var (chunk, output) = Math.DivRem(item, axes.Outputs);
                    var from = chunk * Chunk;
                    var length = (int)Math.Min(Chunk, axes.Count - from);
                    var start = (T*)x + axes.First(output);
                    store(
                        item,
                        double.CreateTruncating(
                            axes.HasDenseRows
                                ? FoldRow<T, TFold>(start + from, length)
                                : FoldStrided<T, TFold>(axes, start, from, length)
                        )
                    );
                }
            }
        );
    }

    public static T FoldRow<T, TFold>(T* x, int n)
        where T : unmanaged
        where TFold : IFold<T>
    {
        var width = Vector<T>.Count;
        var i = 0;
        var result = TFold.Identity;
        if (n >= width)
        {
            var identity = new Vector<T>(TFold.Identity);
            var (a, b, c, d) = (identity, identity, identity, identity);
            for (; i <= n - 4 * width; i += 4 * width)
            {
                a = TFold.Join(a, Vector.Load(x + i));
                b = TFold.Join(b, Vector.Load(x + i + width));
                c = TFold.Join(c, Vector.Load(x + i + 2 * width));
                d = TFold.Join(d, Vector.Load(x + i + 3 * width));
            }
            for (; i <= n - width; i += width)
                a = TFold.Join(a, Vector.Load(x + i));
            a = TFold.Join(TFold.Join(a, b), TFold.Join(c, d));
            result = a[0];
            for (var lane = 1; lane < width; lane++)
                result = TFold.Join(result, a[lane]);
        }
        for (; i < n; i++)
            result = TFold.Join(result, x[i]);
        return result;
    }

    private static T FoldStrided<T, TFold>(ReduceAxes axes, T* x, long from, int n)
        where T : unmanaged
        where TFold : IFold<T>
    {
        var result = TFold.Identity;
        for (var i = from; i < from + n; i++)
            result = TFold.Join(result, x[axes.Step(i)]);
        return result;
    }

    private static void FoldColumns<T, TFold>(
        ReduceAxes axes,
        T* x,
        long chunk,
        int columns,
        long at,
        Action<long, double> store
    )
        where T : unmanaged, IFloatingPointIeee754<T>
        where TFold : IFold<T>
    {
        var sums = stackalloc T[ColumnTile];
        var totals = stackalloc double[ColumnTile];
        var identity = double.CreateTruncating(TFold.Identity);
        new Span<double>(totals, columns).Fill(identity);
        var last = Math.Min(axes.Count, (chunk + 1) * Chunk);
        for (var from = chunk * Chunk; from < last; from += ColumnFlush)
        {
            new Span<T>(sums, columns).Fill(TFold.Identity);
            for (var i = from; i < Math.Min(from + ColumnFlush, last); i++)
                JoinRow<T, TFold>(sums, x + axes.Step(i), columns);
            for (var c = 0; c < columns; c++)
                totals[c] = TFold.JoinChunks(totals[c], double.CreateTruncating(sums[c]));
        }
        for (var c = 0; c < columns; c++)
            store(at + c, totals[c]);
    }

    private static void JoinRow<T, TFold>(T* sums, T* x, int n)
        where T : unmanaged
        where TFold : IFold<T>
    {
        var width = Vector<T>.Count;
        var i = 0;
        for (; i <= n - width; i += width)
            TFold.Join(Vector.Load(sums + i), Vector.Load(x + i)).Store(sums + i);
        for (; i < n; i++)
            sums[i] = TFold.Join(sums[i], x[i]);
    }

    private static void SumIntegers<T>(in OpCall call)
        where T : unmanaged, IBinaryInteger<T> =>
        EachOutput(
            call,
            (axes, first, output) =>
            {
                long sum = 0;
                for (long i = 0; i < axes.Count; i++)
                    sum += long.CreateTruncating(((T*)first)[axes.Step(i)]);
                *(long*)output = sum;
            },
            sizeof(T),
            sizeof(long)
        );

    private static void MaxIntegers<T>(in OpCall call)
        where T : unmanaged, IBinaryInteger<T> =>
        EachOutput(
            call,
            (axes, first, output) =>
            {
                var largest = *(T*)first;
                for (long i = 1; i < axes.Count; i++)
                    largest = T.Max(largest, ((T*)first)[axes.Step(i)]);
                *(T*)output = largest;
            },
            sizeof(T),
            sizeof(T)
        );

    private static void ArgMax<T>(in OpCall call)
        where T : unmanaged, INumber<T>, IMinMaxValue<T> =>
        EachOutput(
            call,
            (axes, first, output) =>
            {
                var x = (T*)first;
                *(long*)output =
                    axes.HasDenseRows && axes.Count <= int.MaxValue
                        ? FirstLargest(x, (int)axes.Count)
                        : FirstLargest(axes, x);
            },
            sizeof(T),
            sizeof(long)
        );

    /// <summary>Finds the largest first and its place then: both loops take whole vectors, one loop for both would not.</summary>
    private static long FirstLargest<T>(T* x, int n)
        where T : unmanaged, INumber<T>, IMinMaxValue<T>
    {
        var largest = FoldRow<T, MaxFold<T>>(x, n);
        var nan = T.IsNaN(largest);
        var i = 0;
        var wanted = new Vector<T>(largest);
        for (; i <= n - Vector<T>.Count; i += Vector<T>.Count)
        {
            var v = Vector.Load(x + i);
            if (nan ? !Vector.EqualsAll(v, v) : Vector.EqualsAny(v, wanted))
                break;
        }
        while (i < n && !(nan ? T.IsNaN(x[i]) : x[i] == largest))
            i++;
        return i;
    }

    private static long FirstLargest<T>(ReduceAxes axes, T* x)
        where T : unmanaged, INumber<T>
    {
        var (best, place) = (x[0], 0L);
        for (long i = 1; i < axes.Count && !T.IsNaN(best); i++)
        {
            var value = x[axes.Step(i)];
            if (value > best || T.IsNaN(value))
                (best, place) = (value, i);
        }
        return place;
    }

    private static void MaxShare<T>(in OpCall call)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var (input, maximum) = (call.Input(0), call.Input(1));
        var removed = new List<long>();
        for (var axis = 0; axis < input.Rank; axis++)
            if (maximum.Shape[axis] == 1)
                removed.Add(axis);
        if (removed.Count == 0)
            removed.Add(-1);
        var axes = new ReduceAxes(input, removed.ToArray(), call.Op.Name);
        if (maximum.NumElements != axes.Outputs)
        {
            // No axis is reduced: every element is compared with a number of its own.
            ReferenceRunner.Run(call);
            return;
        }
        var (x, m, y) = ((nint)input.Data, (nint)maximum.Data, (nint)call.Output(0).Data);
        CpuThreads.For(
            axes.Outputs,
            2 * axes.Count,
            (first, last) =>
            {
                for (var output = first; output < last; output++)
                {
                    var start = axes.First(output);
                    var largest = ((T*)m)[output];
                    long ties = 0;
                    for (long i = 0; i < axes.Count; i++)
                        ties += ((T*)x)[start + axes.Step(i)].Equals(largest) ? 1 : 0;
                    var share = T.One / T.CreateTruncating(Math.Max(ties, 1));
                    for (long i = 0; i < axes.Count; i++)
                    {
                        var at = start + axes.Step(i);
                        ((T*)y)[at] = ((T*)x)[at].Equals(largest) ? share : T.Zero;
                    }
                }
            }
        );
    }

    private static void EachOutput(in OpCall call, Action<ReduceAxes, nint, nint> reduce, int size, int outputSize)
    {
        var axes = new ReduceAxes(call.Input(0), call.Attributes.Ints(0), call.Op.Name);
        var (x, y) = ((nint)call.Input(0).Data, (nint)call.Output(0).Data);
        CpuThreads.For(
            axes.Outputs,
            axes.Count,
            (first, last) =>
            {
                for (var output = first; output < last; output++)
                    reduce(axes, x + (nint)(axes.First(output) * size), y + (nint)(output * outputSize));
            }
        );
    }
}
