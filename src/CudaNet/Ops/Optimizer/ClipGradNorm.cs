namespace CudaNet;

/// <summary>
/// Gradients times max_norm / (total_norm + 1e-6) where that is below 1, in place, for many tensors at once; the norm is read where
/// <see cref="GradNormOp"/> left it, so the host does not wait (Pascanu, Mikolov and Bengio 2013, section 3.2).
/// </summary>
internal sealed class ClipGradNormOp() : GradientUpdateOp("clip_grad_norm", "grad!*, total_norm; max_norm: float")
{
    public static readonly ClipGradNormOp Instance = new();

    internal override CpuKernel? Cpu => CpuMultiTensor.ClipGradNorm;

    /// <summary>What gradients are multiplied by; NaN where the norm is.</summary>
    public static double Factor(double maxNorm, double totalNorm)
    {
        var factor = maxNorm / (totalNorm + 1e-6);
        return factor > 1 ? 1 : factor;
    }

    public override void Reference(ReferenceCall call)
    {
        var factor = Factor(call.Attributes.Float(0), call.Input(call.Inputs.Count - 1)[0]);
        for (var t = 0; t < call.Inputs.Count - 1; t++)
        {
            var gradient = call.Input(t);
            for (long i = 0; i < gradient.Shape.NumElements; i++)
                Put(gradient, i, gradient[i] * factor, Math.Abs(gradient[i] * factor));
        }
    }

    public override IEnumerable<OpCase> Cases()
    {
        foreach (var opCase in CasesOf((dtype, label, shapes) => Case(dtype, label, 37.5, shapes)))
            yield return opCase;
        // Below the bound nothing changes, not even by a factor that is nearly 1; a norm that is not finite leaves no gradient standing.
        foreach (var norm in new[] { 0, 1.4999, double.PositiveInfinity, double.NaN })
            yield return Case(DType.Float32, FormattableString.Invariant($"norm={norm}"), norm, [40], [4099]) with
            {
                IsExact = true,
            };
    }

    private OpCase Case(DType dtype, string label, double norm, params long[][] shapes) =>
        new(
            this,
            dtype,
            label,
            [.. shapes.Select(s => Draw.Normal(s)), Draw.Constant(norm, DType.Float64, 1)],
            Attributes.Of(1.5)
        );
}
