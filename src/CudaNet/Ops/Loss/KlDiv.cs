namespace CudaNet;

internal sealed class KlDivOp() : ElementwiseLossOp("kl_div", "input, target", ", log_target: bool = false")
{
    public static readonly KlDivOp Instance = new();

    protected override IReadOnlyList<Setting> Settings { get; } =
    [new("log_target=false", false), new("log_target=true", true)];

    // One drawing serves both settings: a probability above 0 is a log-probability, too, only not a likely one.
    protected override CaseInput[] Inputs(long[] shape) => [Draw.Normal(shape), Draw.Uniform(0.05, 1, shape)];

    protected override (double Loss, double Magnitude) Element(ReadOnlySpan<double> inputs, Attributes attributes)
    {
        var (x, t) = (inputs[0], inputs[1]);
        var isLog = attributes.Bool(1);
        var (probability, log) = isLog ? (Math.Exp(t), t) : (t, t == 0 ? 0 : Math.Log(t));
        return (probability * (log - x), probability * (1 + Math.Abs(log) + Math.Abs(x)));
    }

    protected override Tensor Elements(ReadOnlySpan<Tensor> inputs, Attributes attributes)
    {
        var (x, t) = (inputs[0], inputs[1]);
        // Nothing is lost where the target has probability 0: lim t log t is 0.
        return attributes.Bool(1) ? t.Exp().Mul(t.Sub(x)) : t.Mul(t.MaskedFill(t.Eq(0), 1).Log().Sub(x));
    }
}

/// <summary>The Kullback–Leibler divergence.</summary>
public static class KlDivExtensions
{
    extension(Tensor input)
    {
        /// <summary>
        /// target · (log target − input) for log-probabilities <paramref name="input"/>, the terms of KL(target ‖ exp input); with
        /// <paramref name="logTarget"/> the target, too, is a log-probability. The mean is over all elements; for the divergence per row, divide the
        /// sum by the number of rows (PyTorch's batchmean).
        /// </summary>
        /// <exception cref="ShapeException">The shapes differ; nothing is broadcast.</exception>
        public Tensor KlDiv(Tensor target, bool logTarget = false, Reduction reduction = Reduction.Mean) =>
            KlDivOp.Instance.Apply([input, target], Attributes.Of((long)reduction, logTarget));
    }
}
