using System.Numerics;
using System.Runtime.InteropServices;

namespace CudaNet;

/// <summary>
/// Upsampling row by row: two rows of the input are mixed into a line, in vectors, and the line is sampled. The adjoint goes the other
/// way, plane by plane, so that no two threads meet in a row.
/// </summary>
internal static unsafe class CpuUpsample
{
    public static void Forward(in OpCall call) => VectorKernel.Run<ForwardKernel>(call);

    public static void Backward(in OpCall call) => VectorKernel.Run<BackwardKernel>(call);

    private static Upsampling Of(in OpCall call) =>
        ((UpsampleFamilyOp)call.Op).Of(call.Input(0).Shape, call.Attributes);

    private readonly record struct Neighbours<T>(int Lower, int Upper, T LowerShare, T UpperShare);

    /// <summary>The neighbours of each output position along an axis; without interpolation the lower one has all of the share.</summary>
    private static Neighbours<T>[] Neighbourhoods<T>(UpsampleAxis axis, bool linear)
        where T : INumber<T>
    {
        var samples = new Neighbours<T>[axis.Output];
        for (var i = 0; i < samples.Length; i++)
        {
            var at = axis.At(i);
            samples[i] = linear
                ? new(
                    (int)at.Lower,
                    (int)at.Upper,
                    T.CreateTruncating(at.LowerShare),
                    T.CreateTruncating(at.UpperShare)
                )
                : new((int)at.Lower, (int)at.Lower, T.One, T.Zero);
        }
        return samples;
    }

    private readonly struct ForwardKernel : IVectorKernel
    {
        public static void Run<V, T>(in OpCall call)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, IFloatingPointIeee754<T>, IMinMaxValue<T>
        {
            var upsampling = Of(call);
            var (x, y) = ((nint)call.Input(0).Data, (nint)call.Output(0).Data);
            var rows = Neighbourhoods<T>(upsampling.Y, upsampling.IsLinear);
            var columns = Neighbourhoods<T>(upsampling.X, upsampling.IsLinear);
            var (linear, width) = (upsampling.IsLinear, (int)upsampling.X.Input);
            CpuThreads.For(
                upsampling.Planes * rows.Length,
                width + columns.Length,
                (first, last) =>
                {
                    var line = (T*)NativeMemory.Alloc((nuint)width, (nuint)sizeof(T));
                    for (var row = first; row < last; row++)
                    {
                        var at = rows[row % rows.Length];
                        var plane = (T*)x + row / rows.Length * upsampling.InputSize;
                        var target = new Span<T>((T*)y + row * columns.Length, columns.Length);
                        var source = plane + at.Lower * width;
                        if (linear)
                        {
                            Mix<V, T>(source, plane + at.Upper * width, at, line, width);
                            for (var i = 0; i < target.Length; i++)
                            {
                                var (left, right, lower, upper) = columns[i];
                                target[i] = lower * line[left] + upper * line[right];
                            }
                        }
                        else
                            for (var i = 0; i < target.Length; i++)
                                target[i] = source[columns[i].Lower];
                    }
                    NativeMemory.Free(line);
                }
            );
        }

        /// <summary>y = a and b, each times its share.</summary>
        private static void Mix<V, T>(T* a, T* b, in Neighbours<T> shares, T* y, int n)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, INumber<T>
        {
            var (p, q, i) = (V.Create(shares.LowerShare), V.Create(shares.UpperShare), 0);
            for (; i <= n - V.Count; i += V.Count)
                V.MultiplyAdd(V.Load(b + i), q, V.Load(a + i) * p).Store(y + i);
            for (; i < n; i++)
                y[i] = shares.LowerShare * a[i] + shares.UpperShare * b[i];
        }
    }

    private readonly struct BackwardKernel : IVectorKernel
    {
        public static void Run<V, T>(in OpCall call)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, IFloatingPointIeee754<T>, IMinMaxValue<T>
        {
            var upsampling = Of(call);
            var (g, x) = ((nint)call.Input(0).Data, (nint)call.Output(0).Data);
            var rows = Neighbourhoods<T>(upsampling.Y, upsampling.IsLinear);
            var columns = Neighbourhoods<T>(upsampling.X, upsampling.IsLinear);
            var (linear, width) = (upsampling.IsLinear, (int)upsampling.X.Input);
            CpuThreads.For(
                upsampling.Planes,
                upsampling.InputSize + 2 * upsampling.OutputSize,
                (first, last) =>
                {
                    var line = (T*)NativeMemory.Alloc((nuint)width, (nuint)sizeof(T));
                    for (var plane = first; plane < last; plane++)
                    {
                        var target = (T*)x + plane * upsampling.InputSize;
                        var source = (T*)g + plane * upsampling.OutputSize;
                        new Span<T>(target, checked((int)upsampling.InputSize)).Clear();
                        foreach (var (top, bottom, above, below) in rows)
                        {
                            new Span<T>(line, width).Clear();
                            for (var i = 0; i < columns.Length; i++)
                            {
                                var (left, right, lower, upper) = columns[i];
                                line[left] += lower * source[i];
                                if (linear)
                                    line[right] += upper * source[i];
                            }
                            source += columns.Length;
                            Add<V, T>(line, above, target + top * width, width);
                            if (linear)
                                Add<V, T>(line, below, target + bottom * width, width);
                        }
                    }
                    NativeMemory.Free(line);
                }
            );
        }

        /// <summary>y ← y + factor·x.</summary>
        private static void Add<V, T>(T* x, T factor, T* y, int n)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, INumber<T>
        {
            var (f, i) = (V.Create(factor), 0);
            for (; i <= n - V.Count; i += V.Count)
                V.MultiplyAdd(V.Load(x + i), f, V.Load(y + i)).Store(y + i);
            for (; i < n; i++)
                y[i] += factor * x[i];
        }
    }
}
