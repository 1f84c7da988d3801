namespace CudaNet;

/// <summary>Tensors filled with one value.</summary>
internal static unsafe class CpuFull
{
    public static void Run(in OpCall call)
    {
        var (value, bits) = (call.Attributes.Float(1), call.Attributes.Int(3));
        var y = call.Output(0);
        switch (y.DType)
        {
            case DType.Float32:
                Fill(y, (float)value);
                break;
            case DType.Float64:
                Fill(y, value);
                break;
            case DType.Float16:
                Fill(y, (Half)value);
                break;
            case DType.BFloat16:
                Fill(y, (BFloat16)value);
                break;
            case DType.Int64:
                Fill(y, bits);
                break;
            case DType.Int32:
                Fill(y, int.CreateSaturating(bits));
                break;
            case DType.UInt8:
                Fill(y, byte.CreateSaturating(bits));
                break;
            default:
                Fill(y, bits != 0);
                break;
        }
    }

    private static void Fill<T>(Tensor y, T value)
        where T : unmanaged
    {
        var data = (T*)y.Data;
        if (CpuThreads.IsSmall(y.NumElements, 1))
            new Span<T>(data, (int)y.NumElements).Fill(value);
        else
            FillInParts((nint)data, y.NumElements, value);
    }

    private static void FillInParts<T>(nint data, long count, T value)
        where T : unmanaged =>
        CpuThreads.For(
            count,
            1,
            (first, last) =>
            {
                const int most = 1 << 30; // a span counts in 31 bits
                for (; first < last; first += most)
                    new Span<T>((T*)data + first, (int)Math.Min(most, last - first)).Fill(value);
            }
        );
}
