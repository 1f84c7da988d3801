using System.Numerics;
using System.Runtime.InteropServices;

namespace CudaNet;

/// <summary>Cross entropy and its backward, a row of logits at a time; rows that are not dense are gathered first.</summary>
internal static unsafe class CpuCrossEntropy
{
    public static void Forward(in OpCall call) => VectorKernel.Run<ForwardKernel>(call);

    public static void Backward(in OpCall call) => VectorKernel.Run<BackwardKernel>(call, input: 1);

    private readonly struct ForwardKernel : IVectorKernel
    {
        public static void Run<V, T>(in OpCall call)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, IFloatingPointIeee754<T>, IMinMaxValue<T> => Forward<SimdPair<V, T>, T>(call);
    }

    private readonly struct BackwardKernel : IVectorKernel
    {
        public static void Run<V, T>(in OpCall call)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, IFloatingPointIeee754<T>, IMinMaxValue<T> => Backward<SimdPair<V, T>, T>(call);
    }

    public static void NllForward(in OpCall call) => VectorKernel.Run<NllForwardKernel>(call);

    public static void NllBackward(in OpCall call) => VectorKernel.Run<NllBackwardKernel>(call, input: 1);

    private readonly struct NllForwardKernel : IVectorKernel
    {
        public static void Run<V, T>(in OpCall call)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, IFloatingPointIeee754<T>, IMinMaxValue<T> => NllForward<T>(call);
    }

    private readonly struct NllBackwardKernel : IVectorKernel
    {
        public static void Run<V, T>(in OpCall call)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, IFloatingPointIeee754<T>, IMinMaxValue<T> => NllBackward<T>(call);
    }

    // One element of each row: not worth a second core.
    private static void NllForward<T>(in OpCall call)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var rows = new Rows<T>(call, 0, 1, 2);
        var reduction = (Reduction)call.Attributes.Int(1);
        var y = (T*)call.Output(0).Data;
        double total = 0,
            weights = 0;
        for (long row = 0; row < rows.Count; row++)
        {
            var target = rows.Target(row);
            var isIgnored = target == call.Attributes.Int(0);
            var weight = isIgnored ? 0 : rows.Weight(target);
            var loss = isIgnored
                ? 0
                : -weight * double.CreateTruncating(((T*)call.Input(0).Data)[rows.At(row, target)]);
            weights += weight;
            total += loss;
            if (reduction == Reduction.None)
                y[row] = T.CreateTruncating(loss);
        }
        *(T*)call.Output(1).Data = T.CreateTruncating(weights);
        if (reduction != Reduction.None)
            *y = T.CreateTruncating(reduction == Reduction.Mean ? total / weights : total);
    }

    private static void NllBackward<T>(in OpCall call)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var rows = new Rows<T>(call, 1, 2, 3);
        var reduction = (Reduction)call.Attributes.Int(1);
        var g = (T*)call.Input(0).Data;
        var gx = (T*)call.Output(0).Data;
        var mean = reduction == Reduction.Mean ? double.CreateTruncating(*(T*)call.Input(4).Data) : 1;
        NativeMemory.Clear(gx, (nuint)(call.Output(0).NumElements * sizeof(T)));
        for (long row = 0; row < rows.Count; row++)
        {
            var target = rows.Target(row);
            if (target == call.Attributes.Int(0))
                continue;
            var scale = double.CreateTruncating(g[reduction == Reduction.None ? row : 0]) / mean;
            gx[rows.At(row, target)] = T.CreateTruncating(-rows.Weight(target) * scale);
        }
    }

    private static void Forward<V, T>(in OpCall call)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var rows = new Rows<T>(call, 0, 1, 2);
        var (ignore, smoothing) = (call.Attributes.Int(0), call.Attributes.Float(2));
        var reduction = (Reduction)call.Attributes.Int(1);
        var (y, lse) = ((nint)call.Output(0).Data, (nint)call.Output(1).Data);
        // One sum, row after row, in float64: its order is the same whatever the number of threads.
        var losses = new double[rows.Count];
        rows.Each(
            (row, x, n) =>
            {
                var max = RowMath.Max<V, T>(x, n);
                var l = max + T.Log(RowMath.ExpSum<V, T>(x, max, n));
                ((T*)lse)[row] = l;
                var target = rows.Target(row);
                if (target == ignore)
                    return;
                var loss = (1 - smoothing) * rows.Weight(target) * double.CreateTruncating(l - x[target]);
                for (var c = 0; c < n && smoothing > 0; c++)
                    loss += smoothing / n * rows.Weight(c) * double.CreateTruncating(l - x[c]);
                losses[row] = loss;
            }
        );
        double total = 0,
            weights = 0;
        for (long row = 0; row < rows.Count; row++)
        {
            total += losses[row];
            weights += rows.Target(row) == ignore ? 0 : rows.Weight(rows.Target(row));
            if (reduction == Reduction.None)
                ((T*)y)[row] = T.CreateTruncating(losses[row]);
        }
        *(T*)call.Output(2).Data = T.CreateTruncating(weights);
        if (reduction != Reduction.None)
            *(T*)y = T.CreateTruncating(reduction == Reduction.Mean ? total / weights : total);
    }

    private static void Backward<V, T>(in OpCall call)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var rows = new Rows<T>(call, 1, 2, 3);
        var (ignore, smoothing) = (call.Attributes.Int(0), call.Attributes.Float(2));
        var reduction = (Reduction)call.Attributes.Int(1);
        var (g, lse, gx) = ((nint)call.Input(0).Data, (nint)call.Input(4).Data, (nint)call.Output(0).Data);
        var mean = reduction == Reduction.Mean ? double.CreateTruncating(*(T*)call.Input(5).Data) : 1;
        double weights = 0;
        for (var c = 0; c < rows.Classes && smoothing > 0; c++)
            weights += rows.Weight(c) / rows.Classes;
        rows.Each(
            (row, x, n) =>
            {
                var target = rows.Target(row);
                if (target == ignore)
                {
                    new Span<T>(x, n).Clear();
                    return;
                }
                var scale = double.CreateTruncating(((T*)g)[reduction == Reduction.None ? row : 0]) / mean;
                var onTarget = (1 - smoothing) * rows.Weight(target);
                var factor = T.CreateTruncating(scale * (onTarget + smoothing * weights));
                RowMath.ExpInPlace<V, T>(x, ((T*)lse)[row], factor, n);
                for (var c = 0; c < n && smoothing > 0; c++)
                    x[c] -= T.CreateTruncating(scale * smoothing / n * rows.Weight(c));
                x[target] -= T.CreateTruncating(scale * onTarget);
            },
            gx
        );
    }

    private delegate void RowBody<T>(long row, T* x, int classes)
        where T : unmanaged;

    /// <summary>The rows of logits of a call, with their targets and weights, checked.</summary>
    private sealed class Rows<T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        private readonly nint _input;
        private readonly nint _target;
        private readonly nint _weight;
        private readonly long _inner;

        public Rows(in OpCall call, int input, int target, int weight)
        {
            (var classes, _inner) = CrossEntropyShapes.Split(call.Input(input).Shape);
            Classes = checked((int)classes);
            Count = call.Input(target).NumElements;
            _input = (nint)call.Input(input).Data;
            _target = (nint)call.Input(target).Data;
            _weight = call.Has(weight) ? (nint)call.Input(weight).Data : 0;
            for (long row = 0; row < Count; row++)
                CrossEntropyShapes.RequireClass(call.Op.Name, Target(row), row, classes, call.Attributes.Int(0));
        }

        public int Classes { get; }

        public long Count { get; }

        /// <summary>Where the logit of a class lies.</summary>
        public long At(long row, long c) => (row / _inner * Classes + c) * _inner + row % _inner;

        public long Target(long row) => ((long*)_target)[row];

        public double Weight(long c) => _weight == 0 ? 1 : double.CreateTruncating(((T*)_weight)[c]);

        /// <summary>Calls <paramref name="body"/> with every row; with an <paramref name="output"/>, with a copy there that it changes.</summary>
        public void Each(RowBody<T> body, nint output = 0) =>
            CpuThreads.For(
                Count,
                4L * Classes,
                (first, last) =>
                {
                    var scratch =
                        _inner == 1 ? null : (T*)NativeMemory.Alloc((nuint)Math.Max(1, Classes) * (nuint)sizeof(T));
                    for (var row = first; row < last; row++)
                    {
                        var start = row / _inner * Classes * _inner + row % _inner;
                        var x = (T*)_input + start;
                        for (var c = 0; c < Classes && scratch != null; c++)
                            scratch[c] = x[c * _inner];
                        if (scratch == null && output != 0)
                            new ReadOnlySpan<T>(x, Classes).CopyTo(new Span<T>((T*)output + start, Classes));
                        body(
                            row,
                            scratch != null ? scratch
                                : output != 0 ? (T*)output + start
                                : x,
                            Classes
                        );
                        for (var c = 0; c < Classes && scratch != null && output != 0; c++)
                            ((T*)output)[start + c * _inner] = scratch[c];
                    }
                    NativeMemory.Free(scratch);
                }
            );
    }
}
