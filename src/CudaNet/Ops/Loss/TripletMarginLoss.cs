namespace CudaNet;

internal sealed class TripletMarginLossOp()
    : RowLossOp(
        "triplet_margin_loss",
        "anchor, positive, negative",
        ", margin: float = 1, p: float = 2, eps: float = 1e-6, swap: bool = false"
    )
{
    public static readonly TripletMarginLossOp Instance = new();

    protected override IReadOnlyList<Setting> Settings { get; } =
    [new("p=2", 1.0, 2.0, 1e-6, false), new("p=1", 0.5, 1.0, 1e-6, false), new("p=3,swap", 2.0, 3.0, 1e-3, true)];

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        if (call.Attributes.Float(2) is var p && !(p > 0))
            throw new AttributeException($"{Name}: p must be above 0; got {p}");
        base.Infer(call, outputs);
    }

    protected override (double Loss, double Magnitude) Row(RowValues inputs, Attributes attributes)
    {
        var (margin, p, eps) = (attributes.Float(1), attributes.Float(2), attributes.Float(3));
        var (toPositive, sizePositive) = Distance(inputs[0], inputs[1], p, eps);
        var (toNegative, sizeNegative) = Distance(inputs[0], inputs[2], p, eps);
        if (
            attributes.Bool(4)
            && Distance(inputs[1], inputs[2], p, eps) is var between
            && between.Distance < toNegative
        )
            (toNegative, sizeNegative) = between;
        return (Math.Max(0, margin + toPositive - toNegative), Math.Abs(margin) + sizePositive + sizeNegative);
    }

    protected override Tensor Rows(ReadOnlySpan<Tensor> inputs, Attributes attributes)
    {
        var (p, eps) = (attributes.Float(2), attributes.Float(3));
        var toNegative = Distance(inputs[0], inputs[2]);
        if (attributes.Bool(4))
            toNegative = toNegative.Minimum(Distance(inputs[1], inputs[2]));
        return Distance(inputs[0], inputs[1]).Sub(toNegative).Affine(1, attributes.Float(1)).Clamp(0);

        Tensor Distance(Tensor a, Tensor b) => a.Sub(b).Affine(1, eps).VectorNorm(p, -1);
    }

    private static (double Distance, double Size) Distance(
        ReadOnlySpan<double> a,
        ReadOnlySpan<double> b,
        double p,
        double eps
    )
    {
        double sum = 0,
            sizes = 0;
        for (var i = 0; i < a.Length; i++)
        {
            sum += Math.Pow(Math.Abs(a[i] - b[i] + eps), p);
            sizes += Math.Pow(Math.Abs(a[i]) + Math.Abs(b[i]) + eps, p);
        }
        return (Math.Pow(sum, 1 / p), Math.Pow(sizes, 1 / p));
    }
}

/// <summary>Distances that are to be smaller than others.</summary>
public static class TripletMarginLossExtensions
{
    extension(Tensor input)
    {
        /// <summary>
        /// max(0, margin + d(input, positive) − d(input, negative)) (Balntas et al. 2016), with d(a, b) = ‖a − b + eps‖ of order <paramref name="p"/> along the
        /// last axis.
        /// </summary>
        /// <param name="positive">What is to be near, of the input's shape, (…, width).</param>
        /// <param name="negative">What is to be far, of the same shape.</param>
        /// <param name="margin">By how much.</param>
        /// <param name="p">The order of the norm; above 0.</param>
        /// <param name="eps">Added to each difference.</param>
        /// <param name="swap">Whether d(positive, negative) counts instead where it is smaller than d(input, negative).</param>
        /// <param name="reduction">Mean, sum, or one loss per triplet.</param>
        /// <exception cref="ShapeException">The shapes differ; nothing is broadcast.</exception>
        /// <exception cref="AttributeException">The order is not above 0.</exception>
        public Tensor TripletMarginLoss(
            Tensor positive,
            Tensor negative,
            double margin = 1,
            double p = 2,
            double eps = 1e-6,
            bool swap = false,
            Reduction reduction = Reduction.Mean
        ) =>
            TripletMarginLossOp.Instance.Apply(
                [input, positive, negative],
                Attributes.Of((long)reduction, margin, p, eps, swap)
            );
    }
}
