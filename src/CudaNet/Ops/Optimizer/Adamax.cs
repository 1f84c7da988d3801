namespace CudaNet;

/// <summary>Adamax (Kingma and Ba 2015, section 7.1) for many parameters at once; eps is added to |g|, as in PyTorch.</summary>
internal sealed class AdamaxOp()
    : ElementStepOp(
        "adamax",
        "param!*, grad*, exp_avg!*, exp_inf!*, lr, state!; beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8, weight_decay: float = 0",
        weightDecay: 3
    )
{
    public static readonly AdamaxOp Instance = new();

    internal override CpuKernel? Cpu => CpuOptimizers.StepAdamax;

    protected override Bounded Next(
        Bounded p,
        Bounded g,
        Span<Bounded> held,
        double rate,
        double step,
        Attributes attributes
    )
    {
        var (beta1, beta2) = (attributes.Float(0), attributes.Float(1));
        held[0] = beta1 * held[0] + (1 - beta1) * g;
        held[1] = (beta2 * held[1]).Max(g.Abs() + attributes.Float(2));
        return p - rate / (1 - Math.Pow(beta1, step)) * (held[0] / held[1]);
    }

    protected override IEnumerable<(string, Attributes)> Options =>
        [("decay=0.1", Attributes.Of(0.9, 0.99, 1e-8, 0.1)), ("eps=0.1", Attributes.Of(0.8, 0.5, 0.1, 0.0))];
}
