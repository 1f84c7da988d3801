namespace CudaNet;

/// <summary>Rectified Adam (Liu et al. 2020) for many parameters at once: Adam whose first steps, while the mean square is unsure, do not divide by it.</summary>
internal sealed class RAdamOp()
    : ElementStepOp(
        "radam",
        "param!*, grad*, exp_avg!*, exp_avg_sq!*, lr, state!; beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8, weight_decay: float = 0",
        weightDecay: 3
    )
{
    public static readonly RAdamOp Instance = new();

    internal override CpuKernel? Cpu => CpuOptimizers.StepRAdam;

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
        held[1] = beta2 * held[1] + (1 - beta2) * (g * g);
        var (scale, rectifies) = Scale(beta1, beta2, rate, step);
        return p - scale * (rectifies ? held[0] / (held[1].Sqrt() + attributes.Float(2)) : held[0]);
    }

    /// <summary>What multiplies the step, and whether it is divided by the root of the mean square, as it is once more than five gradients count.</summary>
    internal static (double Scale, bool Rectifies) Scale(double beta1, double beta2, double rate, double step)
    {
        var power = Math.Pow(beta2, step);
        var most = 2 / (1 - beta2) - 1;
        var rho = most - 2 * step * power / (1 - power);
        var corrected = rate / (1 - Math.Pow(beta1, step));
        if (rho <= 5)
            return (corrected, false);
        var rectified = (rho - 4) * (rho - 2) * most / ((most - 4) * (most - 2) * rho);
        return (corrected * Math.Sqrt(rectified * (1 - power)), true);
    }

    /// <summary>At the fourth step with 0.99 some four gradients count, at the tenth with 0.9 some eight.</summary>
    protected override IEnumerable<(string, Attributes)> Options =>
        [
            ("rectified=False", Attributes.Of(0.9, 0.99, 1e-8, 0.1)),
            ("rectified=True", Attributes.Of(0.8, 0.9, 0.1, 0.0)),
        ];

    protected override long StepsBeforeCase(Attributes attributes) => attributes.Float(1) < 0.95 ? 9 : 3;
}
