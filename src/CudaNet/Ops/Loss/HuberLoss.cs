namespace CudaNet;

/// <summary>
/// Quadratic near 0 and linear from a bound b on. With d = |input − target| and m = min(d, b) both parts are one formula,
/// scale · (m² / 2 + b (d − m)), which has the right derivative everywhere.
/// </summary>
internal abstract class HuberLikeLossOp(string name, string bound)
    : ElementwiseLossOp(name, "input, target", $", {bound}: float = 1")
{
    protected override IReadOnlyList<Setting> Settings { get; } =
    [new("", 1.0), new($"{bound}=0.3", 0.3), new($"{bound}=2", 2.0)];

    /// <summary>What the formula is multiplied by.</summary>
    protected abstract double Scale(double bound);

    protected override (double Loss, double Magnitude) Element(ReadOnlySpan<double> inputs, Attributes attributes)
    {
        var bound = attributes.Float(1);
        var (d, size) = (Math.Abs(inputs[0] - inputs[1]), Math.Abs(inputs[0]) + Math.Abs(inputs[1]));
        var m = Math.Min(d, bound);
        return (Scale(bound) * (m * m / 2 + bound * (d - m)), Scale(bound) * (m * m / 2 + bound * size));
    }

    protected override Tensor Elements(ReadOnlySpan<Tensor> inputs, Attributes attributes)
    {
        var bound = attributes.Float(1);
        var d = inputs[0].Sub(inputs[1]).Abs();
        var m = d.Clamp(max: bound);
        return m.Mul(m).Affine(Scale(bound) / 2).Add(d.Sub(m).Affine(Scale(bound) * bound));
    }

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        if (call.Attributes.Float(1) is var bound && !(bound > 0))
            throw new AttributeException($"{Name}: {Signature.Attributes[1].Name} must be above 0; got {bound}");
        base.Infer(call, outputs);
    }
}

internal sealed class HuberLossOp() : HuberLikeLossOp("huber_loss", "delta")
{
    public static readonly HuberLossOp Instance = new();

    protected override double Scale(double bound) => 1;
}

/// <summary>The error that is quadratic for small differences and linear for large ones.</summary>
public static class HuberLossExtensions
{
    extension(Tensor input)
    {
        /// <summary>d² / 2 where d = |input − target| is at most <paramref name="delta"/>, else delta · (d − delta / 2) (Huber 1964).</summary>
        /// <exception cref="AttributeException">Delta is not above 0.</exception>
        /// <exception cref="ShapeException">The shapes differ; nothing is broadcast.</exception>
        public Tensor HuberLoss(Tensor target, double delta = 1, Reduction reduction = Reduction.Mean) =>
            HuberLossOp.Instance.Apply([input, target], Attributes.Of((long)reduction, delta));
    }
}
