namespace CudaNet.Nn;

/// <summary>The input, a distance, where the target is 1, and max(0, margin − input) where it is −1.</summary>
public sealed class HingeEmbeddingLoss(double margin = 1, Reduction reduction = Reduction.Mean) : Loss(reduction)
{
    /// <inheritdoc/>
    protected override Tensor Forward((Tensor Input, Tensor Target) of) =>
        of.Input.HingeEmbeddingLoss(of.Target, margin, Reduction);
}

/// <summary>max(0, margin − target · (first − second)): of two scores and a target of 1 or −1.</summary>
public sealed class MarginRankingLoss(double margin = 0, Reduction reduction = Reduction.Mean) : TernaryLoss(reduction)
{
    /// <inheritdoc/>
    protected override Tensor Forward((Tensor First, Tensor Second, Tensor Third) of) =>
        of.First.MarginRankingLoss(of.Second, of.Third, margin, Reduction);
}

/// <summary>1 − cos where the target, 1 or −1 per vector, is 1, and max(0, cos − margin) where it is −1: of two vectors and the target.</summary>
public sealed class CosineEmbeddingLoss(double margin = 0, Reduction reduction = Reduction.Mean)
    : TernaryLoss(reduction)
{
    /// <inheritdoc/>
    protected override Tensor Forward((Tensor First, Tensor Second, Tensor Third) of) =>
        of.First.CosineEmbeddingLoss(of.Second, of.Third, margin, Reduction);
}

/// <summary>max(0, margin + d(anchor, positive) − d(anchor, negative)) of anchor, positive and negative (Balntas et al. 2016).</summary>
public sealed class TripletMarginLoss(
    double margin = 1,
    double p = 2,
    double eps = 1e-6,
    bool swap = false,
    Reduction reduction = Reduction.Mean
) : TernaryLoss(reduction)
{
    /// <inheritdoc/>
    protected override Tensor Forward((Tensor First, Tensor Second, Tensor Third) of) =>
        of.First.TripletMarginLoss(of.Second, of.Third, margin, p, eps, swap, Reduction);
}

/// <summary>The cosine of the angle between vectors along an axis.</summary>
public sealed class CosineSimilarity(int dim = 1, double eps = 1e-8) : Module<(Tensor First, Tensor Second), Tensor>
{
    /// <summary>The cosines.</summary>
    public Tensor Call(Tensor first, Tensor second) => Call((first, second));

    /// <inheritdoc/>
    protected override Tensor Forward((Tensor First, Tensor Second) of) =>
        of.First.CosineSimilarity(of.Second, dim, eps);
}
