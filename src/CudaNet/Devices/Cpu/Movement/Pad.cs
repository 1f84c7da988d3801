using System.Numerics;
using System.Runtime.InteropServices;

namespace CudaNet;

/// <summary>Padding row by row along the last axis: a run of neighbours, and the elements beyond its ends.</summary>
internal static unsafe class CpuPad
{
    public static void Forward(in OpCall call) =>
        TypedKernel.Sized(call, call.Output(0).DType, Forward<byte>, Forward<ushort>, Forward<uint>, Forward<ulong>);

    public static void Backward(in OpCall call) =>
        TypedKernel.Floating(call, call.Output(0).DType, Backward<float>, Backward<double>);

    private static void Forward<T>(in OpCall call)
        where T : unmanaged
    {
        var mode = PadFamilyOp.Mode(call.Attributes);
        var axes = PadAxis.Merge(PadAxis.Of(call.Input(0).Shape, call.Attributes.Ints(0)));
        var line = axes[^1];
        var value = MemoryMarshal.Read<T>(HostData.ToBytes([call.Attributes.Float(2)], call.Output(0).DType));
        var (x, y) = ((nint)call.Input(0).Data, (nint)call.Output(0).Data);
        CpuThreads.For(
            line.Output == 0 ? 0 : call.Output(0).NumElements / line.Output,
            line.Output,
            (first, last) =>
            {
                Span<long> at = stackalloc long[Shape.MaxRank];
                var extents = Array.ConvertAll(axes[..^1], axis => axis.Output);
                Seek(extents, first, at);
                for (var row = first; row < last; row++, Step(extents, at))
                {
                    var target = (T*)y + row * line.Output;
                    var source = SourceRow(axes, mode, at);
                    if (source < 0)
                        new Span<T>(target, checked((int)line.Output)).Fill(value);
                    else
                        PadRow((T*)x + source * line.Input, target, line, mode, value);
                }
            }
        );
    }

    /// <summary>The positions of a row along the axes before the last.</summary>
    private static void Seek(long[] extents, long row, Span<long> at)
    {
        for (var d = extents.Length - 1; d >= 0; d--)
            (row, at[d]) = Math.DivRem(row, extents[d]);
    }

    /// <summary>The positions of the next row.</summary>
    private static void Step(long[] extents, Span<long> at)
    {
        for (var d = extents.Length - 1; d >= 0 && ++at[d] == extents[d]; d--)
            at[d] = 0;
    }

    /// <summary>The input row that an output row shows; −1 for none.</summary>
    private static long SourceRow(PadAxis[] axes, PadMode mode, Span<long> at)
    {
        var place = 0L;
        for (var d = 0; d < axes.Length - 1; d++)
        {
            var source = axes[d].Source(mode, at[d]);
            if (source < 0)
                return -1;
            place = place * axes[d].Input + source;
        }
        return place;
    }

    private static void PadRow<T>(T* source, T* target, PadAxis line, PadMode mode, T value)
        where T : unmanaged
    {
        var (begin, end) = Run(line);
        for (long o = 0; o < begin; o++)
            target[o] = mode == PadMode.Constant ? value : source[line.Source(mode, o)];
        var bytes = (end - begin) * sizeof(T);
        Buffer.MemoryCopy(source + begin - line.Before, target + begin, bytes, bytes);
        for (var o = end; o < line.Output; o++)
            target[o] = mode == PadMode.Constant ? value : source[line.Source(mode, o)];
    }

    /// <summary>The output positions that show the input itself.</summary>
    private static (long Begin, long End) Run(PadAxis line)
    {
        var begin = Math.Min(Math.Max(line.Before, 0), line.Output);
        return (begin, Math.Max(begin, Math.Min(line.Before + line.Input, line.Output)));
    }

    private static void Backward<T>(in OpCall call)
        where T : unmanaged, INumber<T>
    {
        var mode = PadFamilyOp.Mode(call.Attributes);
        var axes = PadAxis.Merge(PadAxis.Of(call.Output(0).Shape, call.Attributes.Ints(0)));
        var line = axes[^1];
        var (g, x) = ((nint)call.Input(0).Data, (nint)call.Output(0).Data);
        CpuThreads.For(
            line.Input == 0 ? 0 : call.Output(0).NumElements / line.Input,
            line.Output,
            (first, last) =>
            {
                Span<long> at = stackalloc long[Shape.MaxRank];
                Span<long> counts = stackalloc long[Shape.MaxRank];
                var extents = Array.ConvertAll(axes[..^1], axis => axis.Input);
                Seek(extents, first, at);
                for (var row = first; row < last; row++, Step(extents, at))
                {
                    var target = (T*)x + row * line.Input;
                    new Span<T>(target, checked((int)line.Input)).Clear();
                    var shown = 1L;
                    for (var d = 0; d < extents.Length; d++)
                        shown *= counts[d] = axes[d].Count(mode, at[d]);
                    for (long k = 0; k < shown; k++)
                        FoldRow((T*)g + ShowingRow(axes, mode, at, counts, k) * line.Output, target, line, mode);
                }
            }
        );
    }

    /// <summary>The k-th output row that shows an input row.</summary>
    private static long ShowingRow(PadAxis[] axes, PadMode mode, Span<long> at, Span<long> counts, long k)
    {
        var (place, step) = (0L, 1L);
        for (var d = axes.Length - 2; d >= 0; d--)
        {
            (k, var which) = k == 0 ? (0, 0) : Math.DivRem(k, counts[d]);
            place += axes[d].Place(mode, at[d], which) * step;
            step *= axes[d].Output;
        }
        return place;
    }

    private static void FoldRow<T>(T* source, T* target, PadAxis line, PadMode mode)
        where T : unmanaged, INumber<T>
    {
        var (begin, end) = Run(line);
        var own = target + begin - line.Before;
        var from = source + begin;
        var count = end - begin;
        long i = 0;
        for (; i <= count - Vector<T>.Count; i += Vector<T>.Count)
            (Vector.Load(own + i) + Vector.Load(from + i)).Store(own + i);
        for (; i < count; i++)
            own[i] += from[i];
        if (mode == PadMode.Constant)
            return;
        for (long o = 0; o < begin; o++)
            target[line.Source(mode, o)] += source[o];
        for (var o = end; o < line.Output; o++)
            target[line.Source(mode, o)] += source[o];
    }
}
