using System.Numerics;
using System.Runtime.InteropServices;

namespace CudaNet;

/// <summary>
/// Upsampling row by row: the rows of the input around it, two or, in volumes, four, are mixed into a line, in vectors, and the line is sampled. The adjoint goes the other
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
            var (x, result) = ((nint)call.Input(0).Data, (nint)call.Output(0).Data);
            var slices = Neighbourhoods<T>(upsampling.Z, upsampling.IsLinear);
            var rows = Neighbourhoods<T>(upsampling.Y, upsampling.IsLinear);
            var columns = Neighbourhoods<T>(upsampling.X, upsampling.IsLinear);
            var (linear, height, width) = (upsampling.IsLinear, upsampling.Y.Input, (int)upsampling.X.Input);
            CpuThreads.For(
                upsampling.Planes * slices.Length * rows.Length,
                width + columns.Length,
                (first, last) =>
                {
                    var line = (T*)NativeMemory.Alloc((nuint)width, (nuint)sizeof(T));
                    for (var row = first; row < last; row++)
                    {
                        var (outer, y) = Math.DivRem(row, rows.Length);
                        var (number, z) = Math.DivRem(outer, slices.Length);
                        var (deep, at) = (slices[z], rows[y]);
                        var plane = (T*)x + number * upsampling.InputSize;
                        var target = new Span<T>((T*)result + row * columns.Length, columns.Length);
                        var front = plane + deep.Lower * height * width;
                        if (linear)
                        {
                            var (lower, upper) = (deep.LowerShare * at.LowerShare, deep.LowerShare * at.UpperShare);
                            Mix<V, T>(front + at.Lower * width, front + at.Upper * width, lower, upper, line, width);
                            if (deep.UpperShare != T.Zero)
                            {
                                var back = plane + deep.Upper * height * width;
                                Add<V, T>(back + at.Lower * width, deep.UpperShare * at.LowerShare, line, width);
                                Add<V, T>(back + at.Upper * width, deep.UpperShare * at.UpperShare, line, width);
                            }
                            for (var i = 0; i < target.Length; i++)
                            {
                                var column = columns[i];
                                target[i] =
                                    column.LowerShare * line[column.Lower] + column.UpperShare * line[column.Upper];
                            }
                        }
                        else
                        {
                            var source = front + at.Lower * width;
                            for (var i = 0; i < target.Length; i++)
                                target[i] = source[columns[i].Lower];
                        }
                    }
                    NativeMemory.Free(line);
                }
            );
        }

        /// <summary>y = a and b, each times its share.</summary>
        private static void Mix<V, T>(T* a, T* b, T lower, T upper, T* y, int n)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, INumber<T>
        {
            var (p, q, i) = (V.Create(lower), V.Create(upper), 0);
            for (; i <= n - V.Count; i += V.Count)
                V.MultiplyAdd(V.Load(b + i), q, V.Load(a + i) * p).Store(y + i);
            for (; i < n; i++)
                y[i] = lower * a[i] + upper * b[i];
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
            var slices = Neighbourhoods<T>(upsampling.Z, upsampling.IsLinear);
            var rows = Neighbourhoods<T>(upsampling.Y, upsampling.IsLinear);
            var columns = Neighbourhoods<T>(upsampling.X, upsampling.IsLinear);
            var (linear, height, width) = (upsampling.IsLinear, upsampling.Y.Input, (int)upsampling.X.Input);
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
                        foreach (var (front, back, near, far) in slices)
                        foreach (var at in rows)
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
                            AddRows(target + front * height * width, at, near);
                            if (far != T.Zero)
                                AddRows(target + back * height * width, at, far);
                        }
                    }
                    NativeMemory.Free(line);

                    void AddRows(T* slice, in Neighbours<T> at, T share)
                    {
                        Add<V, T>(line, share * at.LowerShare, slice + at.Lower * width, width);
                        if (linear)
                            Add<V, T>(line, share * at.UpperShare, slice + at.Upper * width, width);
                    }
                }
            );
        }
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
