using System.Numerics;

namespace CudaNet;

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
        if (call.Output(0).DType is DType.Float16 or DType.BFloat16)
            CpuReduceRows.Sum(call);
        else
            Total<AddFold<float>, AddFold<double>, AddFold<long>>(call);
    }

    public static void Prod(in OpCall call)
    {
        if (call.Output(0).DType is DType.Float16 or DType.BFloat16)
            CpuReduceRows.Prod(call);
        else
            Total<MultiplyFold<float>, MultiplyFold<double>, MultiplyFold<long>>(call);
    }

    /// <summary>Floats in their own dtype, integers in 64 bits.</summary>
    private static void Total<TSingle, TDouble, TLong>(in OpCall call)
        where TSingle : IFold<float>
        where TDouble : IFold<double>
        where TLong : IFold<long>
    {
        switch (call.Input(0).DType)
        {
            case DType.Float32:
                Reduce<float, TSingle>(call, mean: false);
                break;
            case DType.Float64:
                Reduce<double, TDouble>(call, mean: false);
                break;
            case DType.Int64:
                FoldIntegers<long, long, TLong>(call);
                break;
            case DType.Int32:
                FoldIntegers<int, long, TLong>(call);
                break;
            default:
                FoldIntegers<byte, long, TLong>(call);
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
                CpuReduceRows.Mean(call);
                break;
        }
    }

    public static void Max(in OpCall call)
    {
        if (call.Output(0).DType is DType.Float16 or DType.BFloat16)
            CpuReduceRows.Max(call);
        else
            Extremum<MaxFold<float>, MaxFold<double>, MaxFold<long>, MaxFold<int>, MaxFold<byte>>(call);
    }

    public static void Min(in OpCall call)
    {
        if (call.Output(0).DType is DType.Float16 or DType.BFloat16)
            CpuReduceRows.Min(call);
        else
            Extremum<MinFold<float>, MinFold<double>, MinFold<long>, MinFold<int>, MinFold<byte>>(call);
    }

    private static void Extremum<TSingle, TDouble, TLong, TInt, TByte>(in OpCall call)
        where TSingle : IFold<float>
        where TDouble : IFold<double>
        where TLong : IFold<long>
        where TInt : IFold<int>
        where TByte : IFold<byte>
    {
        switch (call.Input(0).DType)
        {
            case DType.Float32:
                Reduce<float, TSingle>(call, mean: false);
                break;
            case DType.Float64:
                Reduce<double, TDouble>(call, mean: false);
                break;
            case DType.Int64:
                FoldIntegers<long, long, TLong>(call);
                break;
            case DType.Int32:
                FoldIntegers<int, int, TInt>(call);
                break;
            default:
                FoldIntegers<byte, byte, TByte>(call);
                break;
        }
    }

    public static void ArgMax(in OpCall call)
    {
        if (call.Input(0).DType is DType.Float16 or DType.BFloat16)
            CpuReduceRows.ArgMax(call);
        else
            ArgExtremum<MaxFold<float>, MaxFold<double>, MaxFold<long>, MaxFold<int>, MaxFold<byte>>(call);
    }

    public static void ArgMin(in OpCall call)
    {
        if (call.Input(0).DType is DType.Float16 or DType.BFloat16)
            CpuReduceRows.ArgMin(call);
        else
            ArgExtremum<MinFold<float>, MinFold<double>, MinFold<long>, MinFold<int>, MinFold<byte>>(call);
    }

    private static void ArgExtremum<TSingle, TDouble, TLong, TInt, TByte>(in OpCall call)
        where TSingle : IFold<float>
        where TDouble : IFold<double>
        where TLong : IFold<long>
        where TInt : IFold<int>
        where TByte : IFold<byte>
    {
        switch (call.Input(0).DType)
        {
            case DType.Float32:
                Place<float, TSingle>(call);
                break;
            case DType.Float64:
                Place<double, TDouble>(call);
                break;
            case DType.Int64:
                Place<long, TLong>(call);
                break;
            case DType.Int32:
                Place<int, TInt>(call);
                break;
            default:
                Place<byte, TByte>(call);
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
        where TFold : IFold<T> => FoldRow<T, TFold, Same<T>>(x, n);

    /// <summary>The same for any length, in chunks.</summary>
    public static double FoldLongRow<T, TFold, TMap>(T* x, long n)
        where T : unmanaged, INumber<T>
        where TFold : IFold<T>
        where TMap : IMap<T>
    {
        var result = double.CreateTruncating(TFold.Identity);
        for (long from = 0; from < n; from += Chunk)
            result = TFold.JoinChunks(
                result,
                double.CreateTruncating(FoldRow<T, TFold, TMap>(x + from, (int)Math.Min(Chunk, n - from)))
            );
        return result;
    }

    public static T FoldRow<T, TFold, TMap>(T* x, int n)
        where T : unmanaged
        where TFold : IFold<T>
        where TMap : IMap<T>
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
                a = TFold.Join(a, TMap.Apply(Vector.Load(x + i)));
                b = TFold.Join(b, TMap.Apply(Vector.Load(x + i + width)));
                c = TFold.Join(c, TMap.Apply(Vector.Load(x + i + 2 * width)));
                d = TFold.Join(d, TMap.Apply(Vector.Load(x + i + 3 * width)));
            }
            for (; i <= n - width; i += width)
                a = TFold.Join(a, TMap.Apply(Vector.Load(x + i)));
            a = TFold.Join(TFold.Join(a, b), TFold.Join(c, d));
            result = a[0];
            for (var lane = 1; lane < width; lane++)
                result = TFold.Join(result, a[lane]);
        }
        for (; i < n; i++)
            result = TFold.Join(result, TMap.Apply(x[i]));
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

    private static void FoldIntegers<T, TOut, TFold>(in OpCall call)
        where T : unmanaged, IBinaryInteger<T>
        where TOut : unmanaged, IBinaryInteger<TOut>
        where TFold : IFold<TOut> =>
        EachOutput(
            call,
            (axes, first, output) =>
            {
                var result = TFold.Identity;
                for (long i = 0; i < axes.Count; i++)
                    result = TFold.Join(result, TOut.CreateTruncating(((T*)first)[axes.Step(i)]));
                *(TOut*)output = result;
            },
            sizeof(T),
            sizeof(TOut)
        );

    private static void Place<T, TFold>(in OpCall call)
        where T : unmanaged, INumber<T>
        where TFold : IFold<T> =>
        EachOutput(
            call,
            (axes, first, output) =>
            {
                var x = (T*)first;
                *(long*)output =
                    axes.HasDenseRows && axes.Count <= int.MaxValue
                        ? FirstPlace<T, TFold>(x, (int)axes.Count)
                        : FirstPlace<T, TFold>(axes, x);
            },
            sizeof(T),
            sizeof(long)
        );

    /// <summary>Finds the extremum first and its place then: both loops take whole vectors, one loop for both would not.</summary>
    public static long FirstPlace<T, TFold>(T* x, int n)
        where T : unmanaged, INumber<T>
        where TFold : IFold<T>
    {
        var extremum = FoldRow<T, TFold>(x, n);
        var nan = T.IsNaN(extremum);
        var i = 0;
        var wanted = new Vector<T>(extremum);
        for (; i <= n - Vector<T>.Count; i += Vector<T>.Count)
        {
            var v = Vector.Load(x + i);
            if (nan ? !Vector.EqualsAll(v, v) : Vector.EqualsAny(v, wanted))
                break;
        }
        while (i < n && !(nan ? T.IsNaN(x[i]) : x[i] == extremum))
            i++;
        return i;
    }

    private static long FirstPlace<T, TFold>(ReduceAxes axes, T* x)
        where T : unmanaged, INumber<T>
        where TFold : IFold<T>
    {
        var (best, place) = (x[0], 0L);
        for (long i = 1; i < axes.Count && !T.IsNaN(best); i++)
        {
            var next = TFold.Join(best, x[axes.Step(i)]);
            if (!next.Equals(best)) // true for −0 and 0, unlike their bits
                place = i;
            best = next;
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
