namespace CudaNet;

/// <summary>Ops that only move elements: rows of bytes are copied, whatever their type.</summary>
internal static unsafe class CpuMovement
{
    public static void Cat(in OpCall call)
    {
        var output = call.Output(0);
        var dim = output.Shape.Axis(call.Attributes.Int(0), "cat");
        var inner = output.Shape.ContiguousStrides[dim] * output.DType.Size;
        var row = output.Shape[dim] * inner;
        var outer = row == 0 ? 0 : output.NumElements * output.DType.Size / row;
        var parts = new (nint Data, long Start, long Bytes)[call.Inputs.Length];
        long start = 0;
        for (var i = 0; i < parts.Length; i++)
        {
            var bytes = call.Inputs[i]!.Shape[dim] * inner;
            parts[i] = ((nint)call.Inputs[i]!.Data, start, bytes);
            start += bytes;
        }
        var target = (nint)output.Data;
        CpuThreads.For(
            outer,
            row / output.DType.Size,
            (first, last) =>
            {
                for (var r = first; r < last; r++)
                    foreach (var (data, at, bytes) in parts)
                        Buffer.MemoryCopy((byte*)data + r * bytes, (byte*)target + r * row + at, bytes, bytes);
            }
        );
    }

    /// <summary>A copy of the view that begins at the last positions and has negative strides.</summary>
    public static void Flip(in OpCall call)
    {
        var input = call.Input(0);
        var (strides, offset) = (input.Strides.ToArray(), input.Offset);
        if (input.NumElements == 0)
            return;
        foreach (var dim in call.Attributes.Ints(0))
        {
            var axis = input.Shape.Axis(dim, "flip");
            offset += (input.Shape[axis] - 1) * strides[axis];
            strides[axis] = -strides[axis];
        }
        var view = input.View(input.Shape, strides, offset);
        CpuCopy.Run(view, call.Output(0));
        view.Release();
    }

    public static void SliceBackward(in OpCall call)
    {
        var (gradient, output) = (call.Input(0), call.Output(0));
        var dim = output.Shape.Axis(call.Attributes.Int(1), "slice_backward");
        var (start, step) = (call.Attributes.Int(2), call.Attributes.Int(3));
        var (extent, count) = (output.Shape[dim], gradient.Shape[dim]);
        var inner = output.Shape.ContiguousStrides[dim] * output.DType.Size;
        var outer = output.NumElements == 0 ? 0 : output.NumElements * output.DType.Size / (extent * inner);
        var (from, to) = ((nint)gradient.Data, (nint)output.Data);
        CpuThreads.For(
            outer,
            output.Shape[dim] * output.Shape.ContiguousStrides[dim],
            (first, last) =>
            {
                for (var r = first; r < last; r++)
                {
                    var source = (byte*)from + r * count * inner;
                    var target = (byte*)to + r * extent * inner;
                    System.Runtime.InteropServices.NativeMemory.Clear(target, (nuint)(extent * inner));
                    target += start * inner;
                    if (step == 1)
                        Buffer.MemoryCopy(source, target, count * inner, count * inner);
                    else
                        Spread(source, target, count, inner, step);
                }
            }
        );
    }

    /// <summary>Writes pieces of <paramref name="inner"/> bytes to every step-th place.</summary>
    private static void Spread(byte* source, byte* target, long count, long inner, long step)
    {
        switch (inner)
        {
            case 1:
                Spread<byte>(source, target, count, step);
                break;
            case 2:
                Spread<ushort>(source, target, count, step);
                break;
            case 4:
                Spread<uint>(source, target, count, step);
                break;
            case 8:
                Spread<ulong>(source, target, count, step);
                break;
            default:
                for (long i = 0; i < count; i++)
                    Buffer.MemoryCopy(source + i * inner, target + i * step * inner, inner, inner);
                break;
        }
    }

    private static void Spread<T>(byte* source, byte* target, long count, long step)
        where T : unmanaged
    {
        for (long i = 0; i < count; i++)
            ((T*)target)[i * step] = ((T*)source)[i];
    }
}
