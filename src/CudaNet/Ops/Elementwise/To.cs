namespace CudaNet;

/// <summary>Copies between devices.</summary>
public static class ToExtensions
{
    extension(Tensor input)
    {
        /// <summary>The same values on another device; the tensor itself when it is there already. Gradients travel back.</summary>
        public Tensor To(Device device) =>
            ReferenceEquals(device, input.Device) ? input
            : input.RequiresGrad && Autograd.IsEnabled ? new DeviceCopy(device).Apply(input)[0]
            : input.CopyToDevice(device);
    }

    private sealed class DeviceCopy(Device target) : Function
    {
        protected override Tensor[] Forward(FunctionContext context, Tensor[] inputs)
        {
            context.State = inputs[0].Device;
            return [inputs[0].CopyToDevice(target)];
        }

        protected override Tensor?[] Backward(FunctionContext context, Tensor[] gradOutputs) =>
            [gradOutputs[0].To((Device)context.State!)];
    }
}
