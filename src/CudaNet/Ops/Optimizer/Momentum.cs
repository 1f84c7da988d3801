namespace CudaNet;

/// <summary>
/// Gradient descent with momentum in the forms that <see cref="SgdOp"/> lacks: v = βv + lr·g, p −= v (Polyak 1964), or damped, v = βv + (1 − β)·g,
/// p −= lr·v (Prince 2023, equation 6.11).
/// </summary>
internal sealed class MomentumOp()
    : ElementStepOp(
        "momentum",
        "param!*, grad*, momentum_buffer!*, lr, state!; momentum: float = 0.9, weight_decay: float = 0, damped: bool = false, nesterov: bool = false",
        weightDecay: 1
    )
{
    public static readonly MomentumOp Instance = new();

    internal override CpuKernel? Cpu => CpuOptimizers.StepMomentum;

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
        var (beta, damped, nesterov) = (attributes.Float(0), attributes.Bool(2), attributes.Bool(3));
        var weighted = (damped ? 1 - beta : rate) * g;
        held[0] = beta * held[0] + weighted;
        return p - (damped ? rate : 1) * (nesterov ? beta * held[0] + weighted : held[0]);
    }

    protected override IEnumerable<(string, Attributes)> Options =>
        [
            ("damped=False,nesterov=False", Attributes.Of(0.9, 0.1, false, false)),
            ("damped=True,nesterov=False", Attributes.Of(0.8, 0.0, true, false)),
            ("damped=False,nesterov=True", Attributes.Of(0.8, 0.1, false, true)),
            ("damped=True,nesterov=True", Attributes.Of(0.7, 0.1, true, true)),
        ];
}
