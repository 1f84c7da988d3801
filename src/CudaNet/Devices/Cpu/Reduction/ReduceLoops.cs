using System.Numerics;

namespace CudaNet;

/// <summary>
/// Reductions of any axes of a strided tensor: along dense rows with several vectors at a time, across dense columns with one vector per
/// neighbouring outputs, otherwise run after run of what lies side by side. Long reductions are cut into chunks whose results are joined in float64, so
/// that rounding errors do not grow with the length and a single sum still uses all cores.
/// </summary>
internal static unsafe partial class CpuReduce
{
    private const long Chunk = 16384;
    private const int ColumnTile = 512; // sums that stay in the first-level cache
    private const int ColumnFlush = 128;

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
        if (chunks == 1 && axes.HasDenseRows)
        {
            // No delegate and no division for each row: short ones would feel them.
            var (n, factor) = ((int)axes.Count, T.CreateTruncating(scale));
            CpuThreads.For(
                axes.Outputs,
                n,
                (first, last) =>
                {
                    for (var output = first; output < last; output++)
                        ((T*)y)[output] = FoldRow<T, TFold>((T*)x + axes.First(output), n);
                    for (var output = first; mean && output < last; output++)
                        ((T*)y)[output] /= factor;
                }
            );
            return;
        }
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

    /// <summary>Eight vectors at a time: two loads in each cycle, each waiting four for its addition.</summary>
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
            var a = new Vector<T>(TFold.Identity);
            var (b, c, d, e, f, g, h) = (a, a, a, a, a, a, a);
            for (; i <= n - 8 * width; i += 8 * width)
            {
                a = TFold.Join(a, TMap.Apply(Vector.Load(x + i)));
                b = TFold.Join(b, TMap.Apply(Vector.Load(x + i + width)));
                c = TFold.Join(c, TMap.Apply(Vector.Load(x + i + 2 * width)));
                d = TFold.Join(d, TMap.Apply(Vector.Load(x + i + 3 * width)));
                e = TFold.Join(e, TMap.Apply(Vector.Load(x + i + 4 * width)));
                f = TFold.Join(f, TMap.Apply(Vector.Load(x + i + 5 * width)));
                g = TFold.Join(g, TMap.Apply(Vector.Load(x + i + 6 * width)));
                h = TFold.Join(h, TMap.Apply(Vector.Load(x + i + 7 * width)));
            }
            for (; i <= n - width; i += width)
                a = TFold.Join(a, TMap.Apply(Vector.Load(x + i)));
            a = TFold.Join(TFold.Join(a, b), TFold.Join(c, d));
            a = TFold.Join(a, TFold.Join(TFold.Join(e, f), TFold.Join(g, h)));
            result = TFold.JoinLanes(a);
        }
        for (; i < n; i++)
            result = TFold.Join(result, TMap.Apply(x[i]));
        return result;
    }

    /// <summary>Joins the elements of a vector one after the other.</summary>
    public static T JoinLanes<T, TFold>(Vector<T> v)
        where T : unmanaged
        where TFold : IFold<T>
    {
        var result = v[0];
        for (var lane = 1; lane < Vector<T>.Count; lane++)
            result = TFold.Join(result, v[lane]);
        return result;
    }

    /// <summary>Elements that lie in runs, such as the pixels of one channel of many images, are taken run by run.</summary>
    private static T FoldStrided<T, TFold>(ReduceAxes axes, T* x, long from, int n)
        where T : unmanaged
        where TFold : IFold<T>
    {
        var result = TFold.Identity;
        var until = from + n;
        for (var i = from; i < until; )
        {
            var length = (int)Math.Min(axes.DenseRun - i % axes.DenseRun, until - i);
            var start = x + axes.Step(i);
            result = TFold.Join(result, length == 1 ? *start : FoldRow<T, TFold>(start, length));
            i += length;
        }
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
            var until = Math.Min(from + ColumnFlush, last);
            var i = from;
            for (; i <= until - 4; i += 4)
                JoinRows<T, TFold>(
                    sums,
                    x + axes.Step(i),
                    x + axes.Step(i + 1),
                    x + axes.Step(i + 2),
                    x + axes.Step(i + 3),
                    columns
                );
            for (; i < until; i++)
                JoinRow<T, TFold>(sums, x + axes.Step(i), columns);
            for (var c = 0; c < columns; c++)
                totals[c] = TFold.JoinChunks(totals[c], double.CreateTruncating(sums[c]));
        }
        for (var c = 0; c < columns; c++)
            store(at + c, totals[c]);
    }

    /// <summary>Four rows for each time that the sums are read and written.</summary>
    private static void JoinRows<T, TFold>(T* sums, T* a, T* b, T* c, T* d, int n)
        where T : unmanaged
        where TFold : IFold<T>
    {
        var width = Vector<T>.Count;
        var i = 0;
        for (; i <= n - width; i += width)
        {
            var ab = TFold.Join(Vector.Load(a + i), Vector.Load(b + i));
            var cd = TFold.Join(Vector.Load(c + i), Vector.Load(d + i));
            TFold.Join(Vector.Load(sums + i), TFold.Join(ab, cd)).Store(sums + i);
        }
        for (; i < n; i++)
            sums[i] = TFold.Join(sums[i], TFold.Join(TFold.Join(a[i], b[i]), TFold.Join(c[i], d[i])));
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
}
