namespace CudaNet;

/// <summary>
/// RMSprop (Hinton 2012), centred as in Graves 2013 if wanted, for many parameters at once. The learning rate multiplies the momentum buffer, and
/// eps is added to the root, as in PyTorch.
/// </summary>
internal sealed class RmsPropOp()
    : ElementStepOp(
        "rmsprop",
        "param!*, grad*, square_avg!*, grad_avg!?*, momentum_buffer!?*, lr, state!; alpha: float = 0.99, eps: float = 1e-8, weight_decay: float = 0, momentum: float = 0, centered: bool = false",
        weightDecay: 2
    )
{
    public static readonly RmsPropOp Instance = new();

    internal override CpuKernel? Cpu => CpuOptimizers.StepRmsProp;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        base.Infer(call, outputs);
        if (call.Attributes.Bool(4) != call.List(3)[0] is not null)
            throw new AttributeException("rmsprop: centered, and only then, takes a grad_avg for every parameter");
        if (call.Attributes.Float(3) != 0 && call.List(4)[0] is null)
            throw new AttributeException("rmsprop: momentum needs a momentum_buffer for every parameter");
    }

    protected override Bounded Next(
        Bounded p,
        Bounded g,
        Span<Bounded> held,
        double rate,
        double step,
        Attributes attributes
    )
    {
        var (alpha, eps, momentum) = (attributes.Float(0), attributes.Float(1), attributes.Float(3));
        var square = held[0] = alpha * held[0] + (1 - alpha) * (g * g);
        if (attributes.Bool(4))
        {
            held[1] = alpha * held[1] + (1 - alpha) * g;
            square -= held[1] * held[1];
        }
        held[2] = momentum * held[2] + g / (square.Sqrt() + eps);
        return p - rate * held[2];
    }

    protected override IEnumerable<(string, Attributes)> Options =>
        [
            ("momentum=0,centered=False", Attributes.Of(0.9, 0.01, 0.1, 0.0, false)),
            ("momentum=0.8,centered=False", Attributes.Of(0.99, 1e-8, 0.0, 0.8, false)),
            ("momentum=0,centered=True", Attributes.Of(0.9, 1e-8, 0.0, 0.0, true)),
            ("momentum=0.8,centered=True", Attributes.Of(0.9, 1e-6, 0.1, 0.8, true)),
        ];

    /// <summary>The square of the mean gradient stays well below the mean square, as it does for gradients that occur.</summary>
    protected override CaseInput? Buffer(int index, Attributes attributes, long[] shape) =>
        index switch
        {
            0 => Draw.Uniform(0.5, 2, shape),
            1 => attributes.Bool(4) ? Draw.Uniform(-0.3, 0.3, shape) : null,
            _ => attributes.Float(3) == 0 ? null : Draw.Normal(shape),
        };
}
