using System.Numerics;

namespace CudaNet;

/// <summary>Transposed convolution of images: the gradient of a convolution's input, to which the bias is added.</summary>
internal static unsafe class CpuConvTranspose2d
{
    public static void Run(in OpCall call)
    {
        if (call.Output(0).DType is not (DType.Float32 or DType.Float64))
        {
            CpuMatMul.RunConverted(call);
            return;
        }
        var (input, weight, output) = (call.Input(0), call.Input(1), call.Output(0));
        var attributes = ConvGeometry.With(call.Attributes, output.Shape);
        CpuConv.BackwardData(new OpCall(Conv2dBackwardDataOp.Instance, [input, weight], attributes, [output]));
        if (call.Has(2))
            VectorKernel.Run<AddBias>(call);
    }

    private readonly struct AddBias : IVectorKernel
    {
        public static void Run<V, T>(in OpCall call)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, IFloatingPointIeee754<T>, IMinMaxValue<T>
        {
            var (y, bias, shape) = ((nint)call.Output(0).Data, (nint)call.Input(2).Data, call.Output(0).Shape);
            var size = shape[2] * shape[3];
            CpuThreads.For(
                shape[0] * shape[1],
                size,
                (first, last) =>
                {
                    for (var plane = first; plane < last; plane++)
                    {
                        var addend = ((T*)bias)[plane % shape[1]];
                        var at = (T*)y + plane * size;
                        var vector = V.Create(addend);
                        long i = 0;
                        for (; i <= size - V.Count; i += V.Count)
                            (V.Load(at + i) + vector).Store(at + i);
                        for (; i < size; i++)
                            at[i] += addend;
                    }
                }
            );
        }
    }
}
