namespace CudaNet;

internal sealed class SmoothL1LossOp() : HuberLikeLossOp("smooth_l1_loss", "beta")
{
    public static readonly SmoothL1LossOp Instance = new();

    protected override double Scale(double bound) => 1 / bound;
}

/// <summary>The absolute error, made smooth near 0.</summary>
public static class SmoothL1LossExtensions
{
    extension(Tensor input)
    {
        /// <summary>d² / (2 beta) where d = |input − target| is at most <paramref name="beta"/>, else d − beta / 2 (Girshick 2015).</summary>
        /// <exception cref="AttributeException">Beta is not above 0; for 0 take L1Loss.</exception>
        /// <exception cref="ShapeException">The shapes differ; nothing is broadcast.</exception>
        public Tensor SmoothL1Loss(Tensor target, double beta = 1, Reduction reduction = Reduction.Mean) =>
            SmoothL1LossOp.Instance.Apply([input, target], Attributes.Of((long)reduction, beta));
    }
}
