namespace CudaNet;

/// <summary>
/// average = decay · average + (1 − decay) · param, in place, for many tensors at once. The decay is read from device memory, so that a captured
/// graph follows it; with 0 the average becomes the parameter, whatever it was.
/// </summary>
internal sealed class EmaUpdateOp() : GradientUpdateOp("ema_update", "average!*, param*, decay")
{
    public static readonly EmaUpdateOp Instance = new();

    internal override CpuKernel? Cpu => CpuMultiTensor.EmaUpdate;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        base.Infer(call, outputs);
        var count = call.ListLength;
        for (var i = 0; i < count; i++)
            if (!call.Inputs[i]!.Shape.Equals(call.Inputs[count + i]!.Shape))
                throw call.ShapeError(
                    $"average {i} is {call.Inputs[i]!.Shape}, its parameter {call.Inputs[count + i]!.Shape}; expected the same"
                );
    }

    public override void Reference(ReferenceCall call)
    {
        var count = (call.Inputs.Count - 1) / 2;
        var decay = call.Input(2 * count)[0];
        for (var t = 0; t < count; t++)
        {
            var (average, parameter) = (call.Input(t), call.Input(count + t));
            for (long i = 0; i < average.Shape.NumElements; i++)
            {
                var (old, added) = (decay == 0 ? 0 : decay * average[i], (1 - decay) * parameter[i]);
                Put(average, i, old + added, Math.Abs(old) + Math.Abs(added));
            }
        }
    }

    public override double Flops(in OpCall call) => 3 * base.Flops(call);

    public override IEnumerable<OpCase> Cases()
    {
        foreach (var opCase in CasesOf((dtype, label, shapes) => Case(dtype, label, 0.9, shapes)))
            yield return opCase;
        var taken = Case(DType.Float32, "decay=0,average=nan", 0, [40], [4099]);
        yield return taken with
        {
            Inputs = [.. taken.Inputs.Select((input, i) => i < 2 ? input! with { Map = (_, _) => double.NaN } : input)],
            IsExact = true,
        };
    }

    private OpCase Case(DType dtype, string label, double decay, params long[][] shapes) =>
        new(
            this,
            dtype,
            label,
            [
                .. shapes.Select(s => Draw.Normal(s)),
                .. shapes.Select(s => Draw.Normal(s)),
                Draw.Constant(decay, DType.Float64, 1),
            ]
        );
}
