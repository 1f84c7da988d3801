namespace CudaNet;

/// <summary>
/// The scale of a loss after a step, on the device: multiplied by <c>backoff_factor</c> when gradients overflowed, by <c>growth_factor</c> after
/// <c>growth_interval</c> steps without that (Micikevicius et al. 2018, section 3.2; torch._amp_update_scale_).
/// </summary>
internal sealed class UpdateScaleOp()
    : Op(
        "update_scale",
        "scale!, inv_scale!, growth_tracker!, found_inf; growth_factor: float = 2, backoff_factor: float = 0.5, growth_interval: int = 2000"
    )
{
    public static readonly UpdateScaleOp Instance = new();

    public override string NoBackwardReason => "it changes the scale in place";

    public override bool IsExact => true;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        for (var i = 0; i < 4; i++)
            if (call.Input(i).NumElements != 1 || call.Input(i).DType != (i == 2 ? DType.Int64 : DType.Float32))
                throw call.DTypeError("expected one f32 value each, and growth_tracker to be one i64 value");
    }

    public override void Reference(ReferenceCall call)
    {
        var (scale, inverse, tracker) = (call.Input(0), call.Input(1), call.Input(2));
        var (growth, backoff, interval) = (call.Attributes.Float(0), call.Attributes.Float(1), call.Attributes.Int(2));
        if (call.Input(3)[0] != 0)
        {
            scale[0] = (float)(scale[0] * backoff);
            tracker[0] = 0;
        }
        else if (tracker[0] + 1 < interval)
        {
            tracker[0]++;
        }
        else
        {
            var grown = (float)(scale[0] * growth);
            scale[0] = float.IsFinite(grown) ? grown : scale[0];
            tracker[0] = 0;
        }
        inverse[0] = (float)(1 / scale[0]);
    }

    public override IEnumerable<OpCase> Cases()
    {
        yield return Case("overflow", 65536, 3, 1);
        yield return Case("good", 65536, 3, 0);
        yield return Case("one_before_growth", 768, 8, 0);
        yield return Case("growth", 768, 9, 0);
        yield return Case("overflow_instead_of_growth", 768, 9, 1);
        yield return Case("largest", 3e38, 9, 0);
        yield return Case("benchmark", 65536, 0, 0) with
        {
            IsBenchmark = true,
        };
    }

    private OpCase Case(string label, double scale, double tracker, double found) =>
        new(
            this,
            DType.Float32,
            label,
            [
                Draw.Constant(scale, DType.Float32),
                Draw.Constant(1, DType.Float32, 1),
                Draw.Constant(tracker, DType.Int64, 1),
                Draw.Constant(found, DType.Float32, 1),
            ],
            Attributes.Of(2.0, 0.75, 10)
        );
}
