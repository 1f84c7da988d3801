namespace CudaNet;

/// <summary>What ops share that change each element of many floating tensors in place, all with one launch.</summary>
internal abstract class GradientUpdateOp(string name, string signature) : Op(name, signature)
{
    public override string NoBackwardReason => "it changes tensors in place";

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var count = call.ListLength;
        if (count == 0)
            throw new AttributeException($"{Name}: needs at least one tensor");
        call.RequireFloating(0, count * Signature.ListCount - 1);
        for (var i = count * Signature.ListCount; i < call.Inputs.Length; i++)
            if (call.Inputs[i] is not { DType: DType.Float64, NumElements: 1 })
                throw call.DTypeError($"expected {Signature.Inputs[^1].Name} to be one f64 value");
    }

    /// <summary>Sets an element, and what went into it.</summary>
    protected static void Put(ReferenceTensor tensor, long i, double value, double magnitude)
    {
        tensor[i] = value;
        if (tensor.Magnitude.Length > 0)
            tensor.Magnitude[i] = magnitude;
    }

    public override double Flops(in OpCall call) => call.List(0).ToArray().Sum(t => t!.NumElements);

    /// <summary>The case list for what follows the lists of tensors.</summary>
    protected IEnumerable<OpCase> CasesOf(Func<DType, string, long[][], OpCase> create)
    {
        foreach (var dtype in CaseSizes.Floating)
            yield return create(dtype, "tensors=6", MultiTensorCases.Sizes);
        yield return create(DType.Float32, "tensors=170", MultiTensorCases.Many(170));
        yield return create(
                DType.Float32,
                "n=8193",
                [
                    [8193],
                ]
            )
            .With(CaseLayout.Offset);
        yield return create(
            DType.Float32,
            "n=1048576",
            [
                [1048576],
            ]
        ) with
        {
            IsBenchmark = true,
        };
    }
}
