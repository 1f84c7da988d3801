using System.Numerics;
using System.Runtime.InteropServices;

namespace CudaNet;

/// <summary>One output of a reduction, from its elements side by side.</summary>
internal unsafe interface IRowReduction
{
    double Reduce<T>(T* row, long n)
        where T : unmanaged, IFloatingPointIeee754<T>, IMinMaxValue<T>;
}

/// <summary>
/// Reductions that need their elements side by side or in another dtype: rows that are dense are reduced where they lie; others, and 16-bit
/// floats, which are computed with in f32, pass through a buffer, a tile of neighbouring outputs at a time.
/// </summary>
internal static unsafe class CpuReduceRows
{
    private const int TileColumns = 16;
    private const long LongestTile = 1 << 16; // elements of a row beyond which a tile would not fit the caches

    public static void Sum(in OpCall call) => Run(call, default(SumRow));

    public static void Mean(in OpCall call) => Run(call, default(MeanRow));

    public static void Prod(in OpCall call) => Run(call, default(ProdRow));

    public static void Max(in OpCall call) => Run(call, default(MaxRow));

    public static void Min(in OpCall call) => Run(call, default(MinRow));

    public static void ArgMax(in OpCall call) => Run(call, default(ArgMaxRow));

    public static void ArgMin(in OpCall call) => Run(call, default(ArgMinRow));

    public static void Any(in OpCall call) => Run(call, default(AnyRow));

    public static void All(in OpCall call) => Run(call, default(AllRow));

    public static void LogSumExp(in OpCall call) => Run(call, default(LogSumExpRow));

    public static void Var(in OpCall call) => Run(call, new VarianceRow(call.Attributes.Int(2), root: false));

    public static void Std(in OpCall call) => Run(call, new VarianceRow(call.Attributes.Int(2), root: true));

    public static void VectorNorm(in OpCall call) => Run(call, new NormRow(call.Attributes.Float(2)));

    private static void Run<TReduction>(in OpCall call, TReduction reduction)
        where TReduction : struct, IRowReduction
    {
        switch (call.Input(0).DType)
        {
            case DType.Float32:
                Run<float, float, TReduction>(call, reduction);
                break;
            case DType.Float64:
                Run<double, double, TReduction>(call, reduction);
                break;
            case DType.Float16:
                Run<Half, float, TReduction>(call, reduction);
                break;
            case DType.BFloat16:
                Run<BFloat16, float, TReduction>(call, reduction);
                break;
            // Of integers only whether they are 0 is asked, which a float tells.
            case DType.Int64:
                Run<long, float, TReduction>(call, reduction);
                break;
            case DType.Int32:
                Run<int, float, TReduction>(call, reduction);
                break;
            default:
                Run<byte, float, TReduction>(call, reduction);
                break;
        }
    }

    private static void Run<TStored, T, TReduction>(in OpCall call, TReduction reduction)
        where TStored : unmanaged
        where T : unmanaged, IFloatingPointIeee754<T>, IMinMaxValue<T>
        where TReduction : struct, IRowReduction
    {
        var axes = new ReduceAxes(call.Input(0), call.Attributes.Ints(0), call.Op.Name);
        if (axes.Outputs == 0)
            return;
        var (x, y, dtype) = ((nint)call.Input(0).Data, (nint)call.Output(0).Data, call.Output(0).DType);
        if (axes.HasDenseRows && typeof(TStored) == typeof(T))
        {
            CpuThreads.For(
                axes.Outputs,
                2 * axes.Count,
                (first, last) =>
                {
                    for (var output = first; output < last; output++)
                        Store(y, dtype, output, reduction.Reduce((T*)x + axes.First(output), axes.Count));
                }
            );
            return;
        }
        var columns = axes.HasDenseRows || axes.Count > LongestTile ? 1 : axes.DenseColumns;
        var tiles = (columns + TileColumns - 1) / TileColumns;
        CpuThreads.For(
            axes.Outputs / columns * tiles,
            4 * axes.Count * Math.Min(columns, TileColumns),
            (first, last) =>
            {
                var width = Math.Min(columns, TileColumns);
                var rows = (T*)NativeMemory.Alloc((nuint)Math.Max(1, width * axes.Count * sizeof(T)));
                for (var item = first; item < last; item++)
                {
                    var (group, tile) = Math.DivRem(item, tiles);
                    var output = group * columns + tile * TileColumns;
                    var count = (int)Math.Min(TileColumns, columns - tile * TileColumns);
                    Collect(axes, (TStored*)x + axes.First(output), rows, count);
                    for (var c = 0; c < count; c++)
                        Store(y, dtype, output + c, reduction.Reduce(rows + c * axes.Count, axes.Count));
                }
                NativeMemory.Free(rows);
            }
        );
    }

    /// <summary>Copies the elements of neighbouring outputs, one row for each.</summary>
    private static void Collect<TStored, T>(ReduceAxes axes, TStored* x, T* rows, int columns)
        where TStored : unmanaged
        where T : unmanaged
    {
        if (axes.HasDenseRows)
        {
            ElementBlocks.Gather(x, 1, rows, axes.Count);
            return;
        }
        for (long i = 0; i < axes.Count; i++)
        {
            var from = x + axes.Step(i);
            for (var c = 0; c < columns; c++)
                rows[c * axes.Count + i] = CpuCast.Convert<TStored, T>(from[c]);
        }
    }

    private static void Store(nint y, DType dtype, long at, double value)
    {
        switch (dtype)
        {
            case DType.Float32:
                ((float*)y)[at] = (float)value;
                break;
            case DType.Float64:
                ((double*)y)[at] = value;
                break;
            case DType.Float16:
                ((Half*)y)[at] = (Half)value;
                break;
            case DType.BFloat16:
                ((BFloat16*)y)[at] = (BFloat16)value;
                break;
            case DType.Int64:
                ((long*)y)[at] = (long)value;
                break;
            default:
                ((bool*)y)[at] = value != 0;
                break;
        }
    }

    private readonly struct SumRow : IRowReduction
    {
        public double Reduce<T>(T* row, long n)
            where T : unmanaged, IFloatingPointIeee754<T>, IMinMaxValue<T> =>
            CpuReduce.FoldLongRow<T, AddFold<T>, Same<T>>(row, n);
    }

    private readonly struct MeanRow : IRowReduction
    {
        public double Reduce<T>(T* row, long n)
            where T : unmanaged, IFloatingPointIeee754<T>, IMinMaxValue<T> =>
            CpuReduce.FoldLongRow<T, AddFold<T>, Same<T>>(row, n) / n;
    }

    private readonly struct ProdRow : IRowReduction
    {
        public double Reduce<T>(T* row, long n)
            where T : unmanaged, IFloatingPointIeee754<T>, IMinMaxValue<T> =>
            CpuReduce.FoldLongRow<T, MultiplyFold<T>, Same<T>>(row, n);
    }

    private readonly struct MaxRow : IRowReduction
    {
        public double Reduce<T>(T* row, long n)
            where T : unmanaged, IFloatingPointIeee754<T>, IMinMaxValue<T> =>
            CpuReduce.FoldLongRow<T, MaxFold<T>, Same<T>>(row, n);
    }

    private readonly struct MinRow : IRowReduction
    {
        public double Reduce<T>(T* row, long n)
            where T : unmanaged, IFloatingPointIeee754<T>, IMinMaxValue<T> =>
            CpuReduce.FoldLongRow<T, MinFold<T>, Same<T>>(row, n);
    }

    private readonly struct ArgMaxRow : IRowReduction
    {
        public double Reduce<T>(T* row, long n)
            where T : unmanaged, IFloatingPointIeee754<T>, IMinMaxValue<T> =>
            CpuReduce.FirstPlace<T, MaxFold<T>>(row, checked((int)n));
    }

    private readonly struct ArgMinRow : IRowReduction
    {
        public double Reduce<T>(T* row, long n)
            where T : unmanaged, IFloatingPointIeee754<T>, IMinMaxValue<T> =>
            CpuReduce.FirstPlace<T, MinFold<T>>(row, checked((int)n));
    }

    private readonly struct AnyRow : IRowReduction
    {
        public double Reduce<T>(T* row, long n)
            where T : unmanaged, IFloatingPointIeee754<T>, IMinMaxValue<T> =>
            CpuReduce.FoldLongRow<T, MaxFold<T>, NonZero<T>>(row, n) > 0 ? 1 : 0;
    }

    private readonly struct AllRow : IRowReduction
    {
        public double Reduce<T>(T* row, long n)
            where T : unmanaged, IFloatingPointIeee754<T>, IMinMaxValue<T> =>
            CpuReduce.FoldLongRow<T, MinFold<T>, NonZero<T>>(row, n) > 0 ? 1 : 0;
    }

    private readonly struct LogSumExpRow : IRowReduction
    {
        public double Reduce<T>(T* row, long n)
            where T : unmanaged, IFloatingPointIeee754<T>, IMinMaxValue<T>
        {
            var max = CpuReduce.FoldLongRow<T, MaxFold<T>, Same<T>>(row, n);
            if (double.IsInfinity(max))
                return max;
            var sum = RowMath.ExpSum(row, T.CreateTruncating(max), checked((int)n));
            return max + Math.Log(double.CreateTruncating(sum));
        }
    }

    /// <summary>Two passes, both over differences: equal elements give 0 exactly. What rounding left of Σ (x − mean) is taken off again
    /// (Chan, Golub, LeVeque 1983, eq. 1.7).</summary>
    private readonly struct VarianceRow(long correction, bool root) : IRowReduction
    {
        public double Reduce<T>(T* row, long n)
            where T : unmanaged, IFloatingPointIeee754<T>, IMinMaxValue<T>
        {
            if (n == 0)
                return double.NaN;
            var (shift, _) = Deviations(row, n, row[0]);
            var mean = row[0] + T.CreateTruncating(shift / n);
            var (rest, squares) = Deviations(row, n, mean);
            var variance = Math.Max(squares - rest * rest / n, 0) / Math.Max(0, n - correction);
            return root ? Math.Sqrt(variance) : variance;
        }

        /// <summary>Σ (x − origin) and Σ (x − origin)².</summary>
        private static (double Sum, double Squares) Deviations<T>(T* row, long n, T origin)
            where T : unmanaged, IFloatingPointIeee754<T>
        {
            const long Chunk = 1 << 14;
            var (width, from) = (Vector<T>.Count, new Vector<T>(origin));
            double total = 0,
                totalSquares = 0;
            for (long first = 0; first < n; first += Chunk)
            {
                var last = Math.Min(first + Chunk, n);
                var (a, b, c, d) = (Vector<T>.Zero, Vector<T>.Zero, Vector<T>.Zero, Vector<T>.Zero);
                var i = first;
                for (; i <= last - 2 * width; i += 2 * width)
                {
                    var (p, q) = (Vector.Load(row + i) - from, Vector.Load(row + i + width) - from);
                    a += p;
                    b += q;
                    c += p * p;
                    d += q * q;
                }
                var (sum, squares) = (Vector.Sum(a + b), Vector.Sum(c + d));
                for (; i < last; i++)
                {
                    var deviation = row[i] - origin;
                    sum += deviation;
                    squares += deviation * deviation;
                }
                total += double.CreateTruncating(sum);
                totalSquares += double.CreateTruncating(squares);
            }
            return (total, totalSquares);
        }
    }

    private readonly struct NormRow(double ord) : IRowReduction
    {
        public double Reduce<T>(T* row, long n)
            where T : unmanaged, IFloatingPointIeee754<T>, IMinMaxValue<T> =>
            ord switch
            {
                double.PositiveInfinity => CpuReduce.FoldLongRow<T, MaxFold<T>, Size<T>>(row, n),
                double.NegativeInfinity => CpuReduce.FoldLongRow<T, MinFold<T>, Size<T>>(row, n),
                0 => CpuReduce.FoldLongRow<T, AddFold<T>, NonZero<T>>(row, n),
                1 => CpuReduce.FoldLongRow<T, AddFold<T>, Size<T>>(row, n),
                2 => Math.Sqrt(CpuReduce.FoldLongRow<T, AddFold<T>, Square<T>>(row, n)),
                _ => Math.Pow(Powers(row, n), 1 / ord),
            };

        private double Powers<T>(T* row, long n)
            where T : unmanaged, IFloatingPointIeee754<T>
        {
            double sum = 0;
            for (long i = 0; i < n; i++)
                sum += Math.Pow(Math.Abs(double.CreateTruncating(row[i])), ord);
            return sum;
        }
    }
}
