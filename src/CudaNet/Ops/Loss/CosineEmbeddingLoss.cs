namespace CudaNet;

internal sealed class CosineEmbeddingLossOp()
    : RowLossOp("cosine_embedding_loss", "input1, input2, target", ", margin: float = 0")
{
    // PyTorch's, added to each sum of squares.
    private const double Eps = 1e-12;

    public static readonly CosineEmbeddingLossOp Instance = new();

    protected override bool HasTargetPerRow => true;

    protected override IReadOnlyList<Setting> Settings { get; } = [new("margin=0", 0.0), new("margin=0.3", 0.3)];

    protected override CaseInput Input(int index, long[] shape) =>
        index < 2
            ? Draw.Normal(shape)
            : Draw.Normal(shape) with
            {
                Map = (_, value) => value < 0 ? -1 : 1,
                Differentiate = false,
            };

    protected override (double Loss, double Magnitude) Row(RowValues inputs, Attributes attributes)
    {
        double dot = 0,
            size = 0,
            squares1 = Eps,
            squares2 = Eps;
        for (var i = 0; i < inputs[0].Length; i++)
        {
            var (a, b) = (inputs[0][i], inputs[1][i]);
            dot += a * b;
            size += Math.Abs(a * b);
            squares1 += a * a;
            squares2 += b * b;
        }
        var norms = Math.Sqrt(squares1 * squares2);
        var (cosine, y, margin) = (dot / norms, inputs[2][0], attributes.Float(1));
        var magnitude = size / norms + Math.Abs(cosine) + (y == 1 ? 1 : Math.Abs(margin));
        return (
            y == 1 ? 1 - cosine
            : y == -1 ? Math.Max(0, cosine - margin)
            : 0,
            magnitude
        );
    }

    protected override Tensor Rows(ReadOnlySpan<Tensor> inputs, Attributes attributes)
    {
        var (a, b, y) = (inputs[0], inputs[1], inputs[2]);
        // Divided one by one, because the product of two sums of squares may overflow.
        var cosine = a.Mul(b).Sum(-1).Div(Norm(a)).Div(Norm(b));
        var alike = cosine.Affine(-1, 1).MaskedFill(y.Ne(1), 0);
        return alike.Add(cosine.Affine(1, -attributes.Float(1)).Clamp(0).MaskedFill(y.Ne(-1), 0));
    }

    private static Tensor Norm(Tensor x) => x.Square().Sum(-1).Affine(1, Eps).Sqrt();
}

/// <summary>Vectors that are to point the same way or not.</summary>
public static class CosineEmbeddingLossExtensions
{
    extension(Tensor input)
    {
        /// <summary>
        /// 1 − cos(input, other) where the target is 1, and max(0, cos(input, other) − margin) where it is −1; vectors lie along the last axis.
        /// </summary>
        /// <param name="other">Of the input's shape, (…, width).</param>
        /// <param name="target">1 or −1 for each vector, (…), of the input's dtype.</param>
        /// <param name="margin">The cosine up to which different vectors cost nothing.</param>
        /// <param name="reduction">Mean, sum, or one loss per vector.</param>
        /// <exception cref="ShapeException">The shapes do not fit; nothing is broadcast.</exception>
        public Tensor CosineEmbeddingLoss(
            Tensor other,
            Tensor target,
            double margin = 0,
            Reduction reduction = Reduction.Mean
        ) => CosineEmbeddingLossOp.Instance.Apply([input, other, target], Attributes.Of((long)reduction, margin));
    }
}
