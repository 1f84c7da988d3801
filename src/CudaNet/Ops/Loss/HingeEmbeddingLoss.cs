namespace CudaNet;

internal sealed class HingeEmbeddingLossOp()
    : SignedTargetLossOp("hinge_embedding_loss", "input, target", ", margin: float = 1")
{
    public static readonly HingeEmbeddingLossOp Instance = new();

    protected override IReadOnlyList<Setting> Settings { get; } = [new("margin=1", 1.0), new("margin=0.5", 0.5)];

    protected override (double Loss, double Magnitude) Element(ReadOnlySpan<double> inputs, Attributes attributes)
    {
        var (x, y, margin) = (inputs[0], inputs[1], attributes.Float(1));
        var loss = (y != -1 ? x : 0) + (y != 1 ? Math.Max(0, margin - x) : 0);
        return (loss, Math.Abs(x) + Math.Abs(margin));
    }

    protected override Tensor Elements(ReadOnlySpan<Tensor> inputs, Attributes attributes)
    {
        var (x, y) = (inputs[0], inputs[1]);
        var hinge = x.Affine(-1, attributes.Float(1)).Clamp(0);
        return x.MaskedFill(y.Eq(-1), 0).Add(hinge.MaskedFill(y.Eq(1), 0));
    }
}

/// <summary>Distances that are to be small or large.</summary>
public static class HingeEmbeddingLossExtensions
{
    extension(Tensor input)
    {
        /// <summary>The input, a distance, where the target is 1, and max(0, margin − input) where it is −1.</summary>
        /// <exception cref="ShapeException">The shapes differ; nothing is broadcast.</exception>
        public Tensor HingeEmbeddingLoss(Tensor target, double margin = 1, Reduction reduction = Reduction.Mean) =>
            HingeEmbeddingLossOp.Instance.Apply([input, target], Attributes.Of((long)reduction, margin));
    }
}
