using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace CudaNet;

/// <summary>Copies between tensors and host arrays, whatever their device, strides and dtype. Waits for the device.</summary>
internal static unsafe class HostData
{
    /// <summary>The elements in C order, as bytes.</summary>
    public static byte[] ToBytes(Tensor tensor)
    {
        var result = new byte[tensor.NumElements * tensor.DType.Size];
        CopyTo(tensor, result);
        return result;
    }

    /// <summary>Copies the elements in C order into a buffer of exactly their size.</summary>
    public static void CopyTo(Tensor tensor, Span<byte> target)
    {
        var size = tensor.DType.Size;
        if (target.Length != tensor.NumElements * size)
            throw new ShapeException(
                $"{tensor.Shape} {tensor.DType.Name} has {tensor.NumElements * size} bytes, the buffer {target.Length}"
            );
        if (target.IsEmpty)
            return;
        tensor.Device.NoteUse(tensor.Storage);
        fixed (byte* destination = target)
        {
            if (tensor.IsContiguous)
            {
                tensor.Device.CopyToHost(destination, tensor.Data, target.Length);
            }
            else
            {
                var (first, last) = Extent(tensor);
                var span = new byte[(last - first + 1) * size];
                fixed (byte* host = span)
                {
                    tensor.Device.CopyToHost(host, tensor.Data + first * size, span.Length);
                    var next = destination;
                    Copy(tensor, host - first * size, ref next, 0, 0, size, gather: true);
                }
            }
        }
        GC.KeepAlive(tensor);
    }

    /// <summary>Overwrites a tensor without gaps, from elements in C order.</summary>
    public static void FromBytes(Tensor tensor, ReadOnlySpan<byte> bytes)
    {
        if (!tensor.IsContiguous && !tensor.IsChannelsLast)
            throw new ShapeException(
                $"only a contiguous tensor can be overwritten from the host; this one of shape {tensor.Shape} is a strided view"
            );
        if (bytes.Length != tensor.NumElements * tensor.DType.Size)
            throw new ShapeException(
                $"{tensor.Shape} {tensor.DType.Name} has {tensor.NumElements * tensor.DType.Size} bytes, got {bytes.Length}"
            );
        tensor.Device.NoteUse(tensor.Storage);
        fixed (byte* source = bytes)
        {
            if (tensor.IsContiguous)
            {
                tensor.Device.CopyFromHost(tensor.Data, source, bytes.Length);
            }
            else
            {
                var span = new byte[bytes.Length];
                fixed (byte* host = span)
                {
                    var next = source;
                    Copy(tensor, host, ref next, 0, 0, tensor.DType.Size, gather: false);
                    tensor.Device.CopyFromHost(tensor.Data, host, bytes.Length);
                }
            }
        }
        GC.KeepAlive(tensor);
    }

    public static double[] ToDoubles(Tensor tensor)
    {
        var bytes = ToBytes(tensor);
        var values = new double[tensor.NumElements];
        switch (tensor.DType)
        {
            case DType.Float32:
                Widen<float>(bytes, values, v => v);
                break;
            case DType.Float64:
                bytes.CopyTo(MemoryMarshal.AsBytes(values.AsSpan()));
                break;
            case DType.Float16:
                Widen<Half>(bytes, values, v => (double)v);
                break;
            case DType.BFloat16:
                Widen<BFloat16>(bytes, values, v => v);
                break;
            case DType.Int64:
                Widen<long>(bytes, values, v => v);
                break;
            case DType.Int32:
                Widen<int>(bytes, values, v => v);
                break;
            default:
                Widen<byte>(bytes, values, v => v);
                break;
        }
        return values;
    }

    /// <summary>Rounds float64 values to the tensor's dtype and overwrites it.</summary>
    public static void Write(Tensor tensor, ReadOnlySpan<double> values) =>
        FromBytes(tensor, ToBytes(values, tensor.DType));

    /// <summary>Values as the bytes of a dtype: floats rounded to nearest even, integers truncated towards zero and saturated, NaN
    /// becoming 0.</summary>
    public static byte[] ToBytes(ReadOnlySpan<double> values, DType dtype)
    {
        var bytes = new byte[values.Length * dtype.Size];
        switch (dtype)
        {
            case DType.Float32:
                Narrow<float>(values, bytes, v => (float)v);
                break;
            case DType.Float64:
                MemoryMarshal.AsBytes(values).CopyTo(bytes);
                break;
            case DType.Float16:
                Narrow<Half>(values, bytes, v => (Half)v);
                break;
            case DType.BFloat16:
                Narrow<BFloat16>(values, bytes, v => (BFloat16)v);
                break;
            case DType.Int64:
                Narrow<long>(values, bytes, long.CreateSaturating);
                break;
            case DType.Int32:
                Narrow<int>(values, bytes, int.CreateSaturating);
                break;
            case DType.UInt8:
                Narrow<byte>(values, bytes, byte.CreateSaturating);
                break;
            default:
                Narrow<byte>(values, bytes, v => v != 0 ? (byte)1 : (byte)0);
                break;
        }
        return bytes;
    }

    private static void Widen<T>(byte[] bytes, double[] values, Func<T, double> convert)
        where T : unmanaged
    {
        var source = MemoryMarshal.Cast<byte, T>(bytes);
        for (var i = 0; i < values.Length; i++)
            values[i] = convert(source[i]);
    }

    private static void Narrow<T>(ReadOnlySpan<double> values, byte[] bytes, Func<double, T> convert)
        where T : unmanaged
    {
        var target = MemoryMarshal.Cast<byte, T>(bytes.AsSpan());
        for (var i = 0; i < values.Length; i++)
            target[i] = convert(values[i]);
    }

    private static (long First, long Last) Extent(Tensor tensor)
    {
        long first = 0;
        long last = 0;
        for (var i = 0; i < tensor.Rank; i++)
        {
            var reach = (tensor.Shape[i] - 1) * tensor.Strides[i];
            first += Math.Min(reach, 0);
            last += Math.Max(reach, 0);
        }
        return (first, last);
    }

    /// <summary>Copies elements between where the tensor has them and a run in C order: into the run to gather, out of it otherwise.</summary>
    private static void Copy(Tensor tensor, byte* elements, ref byte* run, int axis, long offset, int size, bool gather)
    {
        if (axis == tensor.Rank)
        {
            var element = elements + offset * size;
            Unsafe.CopyBlockUnaligned(gather ? run : element, gather ? element : run, (uint)size);
            run += size;
            return;
        }
        for (long i = 0; i < tensor.Shape[axis]; i++)
            Copy(tensor, elements, ref run, axis + 1, offset + i * tensor.Strides[axis], size, gather);
    }
}
