using System.Numerics;
using System.Runtime.InteropServices;

namespace CudaNet;

/// <summary>A function of one dense row; <paramref name="other"/> is a second input, or null.</summary>
internal unsafe delegate void RowKernel<T>(T* x, T* other, T* y, int n)
    where T : unmanaged;

/// <summary>
/// Softmax, its logarithm and their backwards, a row at a time. Slices that are not dense (an axis other than the last) are gathered, a tile
/// of neighbouring ones together, into dense rows first.
/// </summary>
internal static unsafe class CpuSoftmax
{
    private const int TileColumns = 16;

    public static void Forward(in OpCall call) => Run(call, Softmax, Softmax);

    public static void LogForward(in OpCall call) => Run(call, LogSoftmax, LogSoftmax);

    public static void Backward(in OpCall call) => Run(call, SoftmaxBackward, SoftmaxBackward);

    public static void LogBackward(in OpCall call) => Run(call, LogSoftmaxBackward, LogSoftmaxBackward);

    private static void Run(in OpCall call, RowKernel<float> single, RowKernel<double> twofold)
    {
        switch (call.Input(0).DType)
        {
            case DType.Float32:
                Run(call, single);
                break;
            case DType.Float64:
                Run(call, twofold);
                break;
            default:
                ReferenceRunner.Run(call);
                break;
        }
    }

    private static void Run<T>(in OpCall call, RowKernel<T> kernel)
        where T : unmanaged
    {
        var (outer, count, inner) = Slices.Split(call.Input(0).Shape, call.Attributes.Int(0), call.Op.Name);
        var (x, y) = ((nint)call.Input(0).Data, (nint)call.Output(0).Data);
        var other = call.Inputs.Length > 1 ? (nint)call.Input(1).Data : 0;
        var n = checked((int)count);
        if (n == 0)
            return;
        if (inner == 1)
        {
            CpuThreads.For(
                outer,
                4 * count,
                (first, last) =>
                {
                    for (var row = first; row < last; row++)
                        kernel((T*)x + row * n, other == 0 ? null : (T*)other + row * n, (T*)y + row * n, n);
                }
            );
            return;
        }
        var tiles = (inner + TileColumns - 1) / TileColumns;
        CpuThreads.For(
            outer * tiles,
            4 * count * Math.Min(inner, TileColumns),
            (first, last) =>
            {
                var scratch = (T*)NativeMemory.Alloc((nuint)(2 * TileColumns * count * sizeof(T)));
                for (var item = first; item < last; item++)
                {
                    var (o, tile) = Math.DivRem(item, tiles);
                    var columns = (int)Math.Min(TileColumns, inner - tile * TileColumns);
                    var start = o * count * inner + tile * TileColumns;
                    var second = other == 0 ? null : scratch + TileColumns * count;
                    Transpose((T*)x + start, inner, scratch, n, n, columns);
                    if (second != null)
                        Transpose((T*)other + start, inner, second, n, n, columns);
                    for (var c = 0; c < columns; c++)
                        kernel(scratch + c * n, second == null ? null : second + c * n, scratch + c * n, n);
                    Transpose(scratch, n, (T*)y + start, inner, columns, n);
                }
                NativeMemory.Free(scratch);
            }
        );
    }

    /// <summary>to[c, r] = from[r, c].</summary>
    private static void Transpose<T>(T* from, long fromStride, T* to, long toStride, int rows, int columns)
        where T : unmanaged
    {
        for (var r = 0; r < rows; r++)
        for (var c = 0; c < columns; c++)
            to[c * toStride + r] = from[r * fromStride + c];
    }

    private static void Softmax<T>(T* x, T* other, T* y, int n)
        where T : unmanaged, IFloatingPointIeee754<T>, IMinMaxValue<T>
    {
        var max = CpuReduce.FoldRow<T, MaxFold<T>>(x, n);
        var sum = ExpSum(x, max, y, n);
        Scale(y, T.One / sum, n);
    }

    private static void LogSoftmax<T>(T* x, T* other, T* y, int n)
        where T : unmanaged, IFloatingPointIeee754<T>, IMinMaxValue<T>
    {
        var max = CpuReduce.FoldRow<T, MaxFold<T>>(x, n);
        var (m, log) = (new Vector<T>(max), T.Log(ExpSum<T>(x, max, null, n)));
        var l = new Vector<T>(log);
        var i = 0;
        for (; i <= n - Vector<T>.Count; i += Vector<T>.Count)
            (Vector.Load(x + i) - m - l).Store(y + i);
        for (; i < n; i++)
            y[i] = x[i] - max - log;
    }

    private static void SoftmaxBackward<T>(T* g, T* p, T* gx, int n)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var width = Vector<T>.Count;
        var (a, b) = (Vector<T>.Zero, Vector<T>.Zero);
        var i = 0;
        for (; i <= n - 2 * width; i += 2 * width)
        {
            a += Vector.Load(g + i) * Vector.Load(p + i);
            b += Vector.Load(g + i + width) * Vector.Load(p + i + width);
        }
        var sum = Vector.Sum(a + b);
        for (; i < n; i++)
            sum += g[i] * p[i];
        var s = new Vector<T>(sum);
        for (i = 0; i <= n - width; i += width)
            (Vector.Load(p + i) * (Vector.Load(g + i) - s)).Store(gx + i);
        for (; i < n; i++)
            gx[i] = p[i] * (g[i] - sum);
    }

    private static void LogSoftmaxBackward<T>(T* g, T* logP, T* gx, int n)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var sum = CpuReduce.FoldRow<T, AddFold<T>>(g, n);
        var s = new Vector<T>(sum);
        var i = 0;
        for (; i <= n - Vector<T>.Count; i += Vector<T>.Count)
            (Vector.Load(g + i) - CpuMath.Exp(Vector.Load(logP + i)) * s).Store(gx + i);
        for (; i < n; i++)
            gx[i] = g[i] - CpuMath.Exp(new Vector<T>(logP[i]))[0] * sum;
    }

    /// <summary>Σ exp(x − max); the powers themselves go to <paramref name="y"/> unless it is null.</summary>
    public static T ExpSum<T>(T* x, T max, T* y, int n)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var width = Vector<T>.Count;
        var m = new Vector<T>(max);
        var (a, b) = (Vector<T>.Zero, Vector<T>.Zero);
        var i = 0;
        for (; i <= n - 2 * width; i += 2 * width)
        {
            var p = CpuMath.Exp(Vector.Load(x + i) - m);
            var q = CpuMath.Exp(Vector.Load(x + i + width) - m);
            a += p;
            b += q;
            if (y == null)
                continue;
            p.Store(y + i);
            q.Store(y + i + width);
        }
        var sum = Vector.Sum(a + b);
        for (; i < n; i++)
        {
            var p = CpuMath.Exp(new Vector<T>(x[i] - max))[0];
            sum += p;
            if (y != null)
                y[i] = p;
        }
        return sum;
    }

    public static void Scale<T>(T* y, T factor, int n)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var f = new Vector<T>(factor);
        var i = 0;
        for (; i <= n - Vector<T>.Count; i += Vector<T>.Count)
            (Vector.Load(y + i) * f).Store(y + i);
        for (; i < n; i++)
            y[i] *= factor;
    }
}
