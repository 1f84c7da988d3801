using System.Numerics;
using System.Runtime.Intrinsics;

namespace CudaNet;

/// <summary>A kernel for f32 and f64 that is written once, for registers of any width.</summary>
internal interface IVectorKernel
{
    static abstract void Run<V, T>(in OpCall call)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, IFloatingPointIeee754<T>, IMinMaxValue<T>;
}

/// <summary>From the dtype of a call and the machine's registers to the instance of a kernel that serves them.</summary>
internal static class VectorKernel
{
    /// <summary>Runs f32 and f64 through the kernel, with the dtype of an input; other dtypes through the textbook loop.</summary>
    public static void Run<TKernel>(in OpCall call, int input = 0)
        where TKernel : struct, IVectorKernel
    {
        switch (call.Inputs[input]!.DType)
        {
            case DType.Float32 when Vector512.IsHardwareAccelerated:
                TKernel.Run<Simd512<float>, float>(call);
                break;
            case DType.Float32:
                TKernel.Run<SimdAny<float>, float>(call);
                break;
            case DType.Float64 when Vector512.IsHardwareAccelerated:
                TKernel.Run<Simd512<double>, double>(call);
                break;
            case DType.Float64:
                TKernel.Run<SimdAny<double>, double>(call);
                break;
            default:
                ReferenceRunner.Run(call);
                break;
        }
    }
}
