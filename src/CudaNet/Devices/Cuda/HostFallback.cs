namespace CudaNet;

/// <summary>Runs a host-only op for a tensor on a device: copies to the host, computes there, copies back.</summary>
internal static class HostFallback
{
    public static void Run(in OpCall call)
    {
        using var frame = Lifetime.Frame();
        var inputs = new Tensor?[call.Inputs.Length];
        for (var i = 0; i < inputs.Length; i++)
            inputs[i] = call.Inputs[i]?.CopyToDevice(Device.Cpu);
        var outputs = new Tensor?[call.Outputs.Length];
        for (var i = 0; i < outputs.Length; i++)
            if (call.Outputs[i] is { } output)
                outputs[i] = Tensor.Allocate(output.Shape, output.DType, Device.Cpu, call.Op.Name);
        Device.Cpu.Execute(new OpCall(call.Op, inputs, call.Attributes, outputs));
        for (var i = 0; i < outputs.Length; i++)
            if (outputs[i] is { } output)
                HostData.FromBytes(call.Output(i), HostData.ToBytes(output));
    }
}
