namespace CudaNet;

internal sealed class MarginRankingLossOp()
    : SignedTargetLossOp("margin_ranking_loss", "input1, input2, target", ", margin: float = 0")
{
    public static readonly MarginRankingLossOp Instance = new();

    protected override IReadOnlyList<Setting> Settings { get; } = [new("margin=0", 0.0), new("margin=0.5", 0.5)];

    protected override (double Loss, double Magnitude) Element(ReadOnlySpan<double> inputs, Attributes attributes)
    {
        var (a, b, y, margin) = (inputs[0], inputs[1], inputs[2], attributes.Float(1));
        return (Math.Max(0, margin - y * (a - b)), Math.Abs(y) * (Math.Abs(a) + Math.Abs(b)) + Math.Abs(margin));
    }

    protected override Tensor Elements(ReadOnlySpan<Tensor> inputs, Attributes attributes) =>
        inputs[0].Sub(inputs[1]).Mul(inputs[2]).Affine(-1, attributes.Float(1)).Clamp(0);
}

/// <summary>Which of two scores is to be the larger one.</summary>
public static class MarginRankingLossExtensions
{
    extension(Tensor input)
    {
        /// <summary>max(0, margin − target · (input − other)): target 1 asks for the input to be the larger one, −1 for the other.</summary>
        /// <exception cref="ShapeException">The shapes differ; nothing is broadcast.</exception>
        public Tensor MarginRankingLoss(
            Tensor other,
            Tensor target,
            double margin = 0,
            Reduction reduction = Reduction.Mean
        ) => MarginRankingLossOp.Instance.Apply([input, other, target], Attributes.Of((long)reduction, margin));
    }
}
