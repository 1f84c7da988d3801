namespace CudaNet;

/// <summary>Adadelta (Zeiler 2012) for many parameters at once.</summary>
internal sealed class AdadeltaOp()
    : ElementStepOp(
        "adadelta",
        "param!*, grad*, square_avg!*, acc_delta!*, lr, state!; rho: float = 0.9, eps: float = 1e-6, weight_decay: float = 0",
        weightDecay: 2
    )
{
    public static readonly AdadeltaOp Instance = new();

    internal override CpuKernel? Cpu => CpuOptimizers.StepAdadelta;

    protected override double FlopsPerElement => 16;

    protected override Bounded Next(
        Bounded p,
        Bounded g,
        Span<Bounded> held,
        double rate,
        double step,
        Attributes attributes
    )
    {
        var (rho, eps) = (attributes.Float(0), attributes.Float(1));
        held[0] = rho * held[0] + (1 - rho) * (g * g);
        var delta = (held[1] + eps).Sqrt() / (held[0] + eps).Sqrt() * g;
        held[1] = rho * held[1] + (1 - rho) * (delta * delta);
        return p - rate * delta;
    }

    protected override IEnumerable<(string, Attributes)> Options =>
        [("decay=0.1", Attributes.Of(0.9, 1e-6, 0.1)), ("eps=0.1", Attributes.Of(0.8, 0.1, 0.0))];
}
