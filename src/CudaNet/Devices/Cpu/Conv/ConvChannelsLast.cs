namespace CudaNet;

/// <summary>
/// Convolutions of tensors whose channels are last in memory, on the CPU: in C order, since the kernels lay the images out anew in any
/// case, and the result put back.
/// </summary>
internal static class CpuChannelsLast
{
    public static void Run(in OpCall call, CpuKernel kernel)
    {
        var result = call.Output(0);
        if (!result.IsChannelsLast && !AnyChannelsLast(call))
        {
            kernel(call);
            return;
        }
        using var frame = Lifetime.Frame();
        using var noGrad = Autograd.NoGrad();
        var inputs = new Tensor?[call.Inputs.Length];
        for (var i = 0; i < inputs.Length; i++)
            inputs[i] = call.Inputs[i]?.Contiguous();
        if (!result.IsChannelsLast)
        {
            kernel(new OpCall(call.Op, inputs, call.Attributes, call.Outputs));
            return;
        }
        var computed = Tensor.Allocate(result.Shape, result.DType, result.Device, call.Op.Name);
        kernel(new OpCall(call.Op, inputs, call.Attributes, [computed]));
        var memory = ChannelsLastExtensions.Order(result.Rank);
        CpuCopy.Run(computed.Permute(memory), result.Permute(memory));
    }

    private static bool AnyChannelsLast(in OpCall call)
    {
        foreach (var input in call.Inputs)
            if (input is { IsContiguous: false })
                return true;
        return false;
    }
}
