namespace CudaNet;

/// <summary>AdamW and Adam that divide by the largest mean square so far (Reddi, Kale and Kumar 2018), for many parameters at once.</summary>
internal sealed class AmsGradOp()
    : ElementStepOp(
        "amsgrad",
        "param!*, grad*, exp_avg!*, exp_avg_sq!*, max_exp_avg_sq!*, lr, state!; beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8, weight_decay: float = 0.01, decoupled: bool = true",
        weightDecay: 3
    )
{
    public static readonly AmsGradOp Instance = new();

    internal override CpuKernel? Cpu => CpuOptimizers.StepAmsGrad;

    protected override double FlopsPerElement => 15;

    protected override double Penalty(Attributes attributes) => attributes.Bool(4) ? 0 : base.Penalty(attributes);

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
        held[2] = held[2].Max(held[1]);
        var denominator = 1 / Math.Sqrt(1 - Math.Pow(beta2, step)) * held[2].Sqrt() + attributes.Float(2);
        var keep = attributes.Bool(4) ? 1 - rate * attributes.Float(3) : 1;
        return keep * p - rate / (1 - Math.Pow(beta1, step)) * (held[0] / denominator);
    }

    protected override IEnumerable<(string, Attributes)> Options =>
        [
            ("decoupled=True", Attributes.Of(0.9, 0.99, 1e-8, 0.1, true)),
            ("decoupled=False", Attributes.Of(0.8, 0.9, 0.01, 0.1, false)),
        ];
}
