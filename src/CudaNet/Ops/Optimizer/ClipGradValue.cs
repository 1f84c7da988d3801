namespace CudaNet;

/// <summary>Gradients limited to [−clip_value, clip_value], in place, for many tensors at once; NaN stays.</summary>
internal sealed class ClipGradValueOp() : GradientUpdateOp("clip_grad_value", "grad!*; clip_value: float")
{
    public static readonly ClipGradValueOp Instance = new();

    internal override CpuKernel? Cpu => CpuMultiTensor.ClipGradValue;

    public override void Reference(ReferenceCall call)
    {
        var limit = call.Attributes.Float(0);
        foreach (var gradient in call.Inputs)
            for (long i = 0; i < gradient!.Shape.NumElements; i++)
                Put(gradient, i, Math.Clamp(gradient[i], -limit, limit), Math.Abs(gradient[i]));
    }

    public override IEnumerable<OpCase> Cases()
    {
        foreach (var opCase in CasesOf(Case))
            yield return opCase;
        var plain = Case(
            DType.Float32,
            "special",
            [
                [9],
            ]
        );
        double[] special = [double.NaN, double.PositiveInfinity, double.NegativeInfinity, 0.75, -0.75, 0, 0.5, 2, -2];
        yield return plain with
        {
            Inputs = [plain.Inputs[0]! with { Map = (i, _) => special[i] }],
            IsExact = true,
        };
    }

    private OpCase Case(DType dtype, string label, long[][] shapes) =>
        new(this, dtype, label, [.. shapes.Select(s => Draw.Normal(s))], Attributes.Of(0.75));
}
