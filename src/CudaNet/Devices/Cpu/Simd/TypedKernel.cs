namespace CudaNet;

/// <summary>From the dtype of a call to the instance of a generic kernel. Those that compute in vectors go through <see cref="VectorKernel"/>.</summary>
internal static class TypedKernel
{
    /// <summary>One instance for f32 and one for f64; other dtypes run the textbook loop.</summary>
    public static void Floating(in OpCall call, DType dtype, CpuKernel single, CpuKernel twofold)
    {
        var kernel = dtype switch
        {
            DType.Float32 => single,
            DType.Float64 => twofold,
            _ => ReferenceRunner.Run,
        };
        kernel(call);
    }

    /// <summary>One instance for each size of an element: kernels that move elements and do not compute with them.</summary>
    public static void Sized(
        in OpCall call,
        DType dtype,
        CpuKernel oneByte,
        CpuKernel twoBytes,
        CpuKernel fourBytes,
        CpuKernel eightBytes
    )
    {
        var kernel = dtype.Size switch
        {
            1 => oneByte,
            2 => twoBytes,
            4 => fourBytes,
            _ => eightBytes,
        };
        kernel(call);
    }
}
