namespace CudaNet;

/// <summary>Adagrad (Duchi, Hazan and Singer 2011) for many parameters at once.</summary>
internal sealed class AdagradOp()
    : ElementStepOp(
        "adagrad",
        "param!*, grad*, sum!*, lr, state!; lr_decay: float = 0, eps: float = 1e-10, weight_decay: float = 0",
        weightDecay: 2
    )
{
    public static readonly AdagradOp Instance = new();

    internal override CpuKernel? Cpu => CpuOptimizers.StepAdagrad;

    protected override double FlopsPerElement => 8;

    protected override Bounded Next(
        Bounded p,
        Bounded g,
        Span<Bounded> held,
        double rate,
        double step,
        Attributes attributes
    )
    {
        held[0] += g * g;
        return p - rate / (1 + (step - 1) * attributes.Float(0)) * (g / (held[0].Sqrt() + attributes.Float(1)));
    }

    protected override IEnumerable<(string, Attributes)> Options =>
        [("decay=0.1", Attributes.Of(0.2, 1e-10, 0.1)), ("eps=0.1", Attributes.Of(0.0, 0.1, 0.0))];
}
