namespace CudaNet;

/// <summary>Takes a call from the user to a kernel: checks, allocates, runs, and records the graph.</summary>
internal static class Dispatcher
{
    public static void Run(
        Op op,
        ReadOnlySpan<Tensor?> inputs,
        Attributes attributes,
        Span<Tensor?> outputs,
        Device? device
    )
    {
        var state = EngineState.Current;
        if (state.Autocast is { } autocast)
        {
            inputs = Autocast.Cast(autocast, op, inputs);
            // What a kernel does by means of other ops is in the dtypes that it chooses.
            using var plain = EngineState.Enter(state with { Autocast = null });
            Run(op, inputs, attributes, outputs, device);
            return;
        }
        var on = CheckInputs(op, inputs, device ?? state.DefaultDevice);
        var call = new OpCall(op, inputs, attributes);
        var outputCount = op.Signature.Outputs.Count;
        if (op.Kind == OpKind.View)
        {
            outputs[0] = op.View(call);
        }
        else
        {
            if (state.Capture is { } capture && !ReferenceEquals(capture.Device, on))
                throw new CudaGraphException(
                    $"{call.Describe()}: runs on {on} while {capture.Device} is captured, so that a replay would not repeat it"
                );
            var specs = new SpecBuffer();
            op.Infer(call, specs);
            for (var i = 0; i < outputCount; i++)
                if (specs[i].Shape is { } shape)
                    outputs[i] = specs[i].IsChannelsLast
                        ? Tensor.AllocateChannelsLast(shape, specs[i].DType, on, op.Name)
                        : Tensor.Allocate(shape, specs[i].DType, on, op.Name);
            Execute(op, inputs, attributes, outputs[..outputCount], on);
            state.Costs?.Add(new OpCall(op, inputs, attributes, outputs[..outputCount]));
        }
        if (state.GradEnabled && AnyRequiresGrad(inputs))
            Record(op, inputs, attributes, outputs[..outputCount]);
    }

    private static void Execute(
        Op op,
        ReadOnlySpan<Tensor?> inputs,
        Attributes attributes,
        Span<Tensor?> outputs,
        Device device
    )
    {
        MarkMutated(op, inputs, attributes);
        if (op.AcceptsStrides || TakesAll(op, inputs))
        {
            ProfileRecording.Execute(new OpCall(op, inputs, attributes, outputs), device);
            return;
        }
        using var frame = Lifetime.Frame();
        // A variant is chosen for the op itself; the kernel that copies has other ones.
        var copies = inputs.ToArray();
        using (EngineState.Enter(EngineState.Current with { GradEnabled = false, KernelVariant = 0 }))
            for (var i = 0; i < copies.Length; i++)
                if (copies[i] is { } strided && !op.Takes(i, strided))
                    copies[i] = GraphAlgebra.Current.Copy(strided);
        ProfileRecording.Execute(new OpCall(op, copies, attributes, outputs), device);
    }

    private static Device CheckInputs(Op op, ReadOnlySpan<Tensor?> inputs, Device? device)
    {
        var parameters = op.Signature.Inputs;
        if (op.Signature.ListCount == 0)
        {
            if (inputs.Length != parameters.Count)
                throw new AttributeException(
                    $"{op.Name}: takes {parameters.Count} inputs ({op.Signature}), got {inputs.Length}"
                );
            for (var i = 0; i < inputs.Length; i++)
                if (inputs[i] is null && !parameters[i].IsOptional)
                    throw new AttributeException($"{op.Name}: needs the input '{parameters[i].Name}'");
        }
        else if ((inputs.Length - (parameters.Count - op.Signature.ListCount)) % op.Signature.ListCount != 0)
        {
            throw new AttributeException(
                $"{op.Name}: its lists ({op.Signature}) must have one length; got {inputs.Length} tensors in all"
            );
        }
        Device? found = null;
        foreach (var tensor in inputs)
        {
            if (tensor is null)
                continue;
            found ??= tensor.Device;
            if (!ReferenceEquals(found, tensor.Device))
                throw new DeviceException(
                    $"{op.Name}: inputs live on {found} and {tensor.Device}; move them to one device with To(device)"
                );
        }
        return found ?? device ?? Device.Cpu;
    }

    private static void MarkMutated(Op op, ReadOnlySpan<Tensor?> inputs, Attributes attributes)
    {
        var call = new OpCall(op, inputs, attributes);
        for (var p = 0; p < op.Signature.Inputs.Count; p++)
        {
            if (!op.Signature.Inputs[p].IsMutated)
                continue;
            foreach (var tensor in call.List(p))
            {
                if (tensor is null)
                    continue;
                tensor.ThrowIfNotWritable(op.Name);
                if (!tensor.IsContiguous)
                    throw new ShapeException(
                        $"{op.Name}: writes in place to '{op.Signature.Inputs[p].Name}', which must be contiguous"
                    );
                tensor.Storage.MarkWritten(op.Name);
            }
        }
    }

    private static bool TakesAll(Op op, ReadOnlySpan<Tensor?> inputs)
    {
        for (var i = 0; i < inputs.Length; i++)
            if (inputs[i] is { IsContiguous: false } strided && !op.Takes(i, strided))
                return false;
        return true;
    }

    private static bool AnyRequiresGrad(ReadOnlySpan<Tensor?> inputs)
    {
        foreach (var tensor in inputs)
            if (tensor is { RequiresGrad: true })
                return true;
        return false;
    }

    private static void Record(Op op, ReadOnlySpan<Tensor?> inputs, Attributes attributes, Span<Tensor?> outputs)
    {
        var anyFloating = false;
        foreach (var output in outputs)
            anyFloating |= output is { DType.IsFloating: true };
        if (!anyFloating)
            return;
        var node = new OpNode(op, inputs, attributes, outputs);
        for (var i = 0; i < outputs.Length; i++)
        {
            if (outputs[i] is not { DType.IsFloating: true } output)
                continue;
            output.Node = node;
            output.OutputIndex = i;
        }
        node.SaveOutputs(outputs);
    }

    [System.Runtime.CompilerServices.InlineArray(Op.MaxOutputs)]
    private struct SpecBuffer
    {
        private TensorSpec _first;
    }
}
