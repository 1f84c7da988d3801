using CudaNet.Random;

namespace CudaNet;

/// <summary>Runs an op's textbook loop: over the tensors of a call on the CPU, or over plain arrays for a verification.</summary>
internal static class ReferenceRunner
{
    /// <summary>Evaluates the textbook loop and rounds its outputs to their dtypes.</summary>
    public static void Run(in OpCall call)
    {
        var inputs = new ReferenceTensor?[call.Inputs.Length];
        for (var i = 0; i < inputs.Length; i++)
            if (call.Inputs[i] is { } tensor)
                inputs[i] = ToReference(call.Op.Broadcasts ? Expand(tensor, call.Output(0).Shape) : tensor);
        var outputs = new ReferenceTensor?[call.Outputs.Length];
        for (var i = 0; i < outputs.Length; i++)
            if (call.Outputs[i] is { } tensor)
                outputs[i] = Empty(tensor.Shape, tensor.DType);
        call.Op.Reference(new ReferenceCall(inputs, outputs, call.Attributes));
        var noise = EngineState.Current.ReferenceNoise;
        for (var i = 0; i < outputs.Length; i++)
        {
            if (outputs[i] is not { } output)
                continue;
            if (noise is not null && output.DType.IsFloating && !call.Op.IsExact)
                AddNoise(output, noise);
            HostData.Write(call.Output(i), output.Values);
        }
        for (var p = 0; p < call.Op.Signature.Inputs.Count; p++)
        {
            if (!call.Op.Signature.Inputs[p].IsMutated)
                continue;
            var (start, length) = call.Range(p);
            for (var i = start; i < start + length; i++)
                if (inputs[i] is { } written)
                    HostData.Write(call.Inputs[i]!, written.Values);
        }
    }

    private static void AddNoise(ReferenceTensor output, ReferenceNoise noise)
    {
        var random = new PhiloxStream((ulong)noise.Seed, (ulong)noise.NextOutput());
        var unit = Math.Sqrt(output.Terms) * output.DType.Accumulator.UnitRoundoff;
        for (long i = 0; i < output.Values.Length; i++)
        {
            var error = (2 * random.NextDouble() - 1) * unit * Math.Max(output.Magnitude[i], Math.Abs(output[i]));
            if (double.IsFinite(error))
                output[i] += error;
        }
    }

    /// <summary>Evaluates the textbook loop over arrays, with magnitudes.</summary>
    public static void Run(Op op, ReferenceTensor?[] inputs, ReferenceTensor?[] outputs, Attributes attributes)
    {
        foreach (var output in outputs)
            if (output is not null)
                output.Magnitude = new double[output.Values.Length];
        op.Reference(new ReferenceCall(inputs, outputs, attributes));
    }

    public static ReferenceTensor Empty(Shape shape, DType dtype) =>
        new(shape, dtype, new double[shape.NumElements]) { Magnitude = new double[shape.NumElements] };

    public static ReferenceTensor ToReference(Tensor tensor) =>
        new(tensor.Shape, tensor.DType, HostData.ToDoubles(tensor));

    /// <summary>The tensor with the shape of the output, repeated along broadcast axes without copying.</summary>
    public static Tensor Expand(Tensor tensor, Shape shape)
    {
        if (tensor.Shape.Equals(shape))
            return tensor;
        var strides = new long[shape.Rank];
        BroadcastStrides(tensor, shape, strides);
        return tensor.View(shape, strides, tensor.Offset);
    }

    public static void BroadcastStrides(Tensor tensor, Shape shape, Span<long> strides)
    {
        strides.Clear();
        var missing = shape.Rank - tensor.Rank;
        for (var i = 0; i < tensor.Rank; i++)
            strides[i + missing] = tensor.Shape[i] == 1 ? 0 : tensor.Strides[i];
    }
}
