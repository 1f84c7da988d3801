namespace CudaNet.Nn;

/// <summary>(input − target)².</summary>
public sealed class MseLoss(Reduction reduction = Reduction.Mean) : Loss(reduction)
{
    /// <inheritdoc/>
    protected override Tensor Forward((Tensor Input, Tensor Target) of) => of.Input.MseLoss(of.Target, Reduction);
}

/// <summary>|input − target|.</summary>
public sealed class L1Loss(Reduction reduction = Reduction.Mean) : Loss(reduction)
{
    /// <inheritdoc/>
    protected override Tensor Forward((Tensor Input, Tensor Target) of) => of.Input.L1Loss(of.Target, Reduction);
}

/// <summary>|input − target|, quadratic below <paramref name="beta"/> (Girshick 2015).</summary>
public sealed class SmoothL1Loss(double beta = 1, Reduction reduction = Reduction.Mean) : Loss(reduction)
{
    /// <inheritdoc/>
    protected override Tensor Forward((Tensor Input, Tensor Target) of) =>
        of.Input.SmoothL1Loss(of.Target, beta, Reduction);
}

/// <summary>(input − target)² / 2, linear above <paramref name="delta"/> (Huber 1964).</summary>
public sealed class HuberLoss(double delta = 1, Reduction reduction = Reduction.Mean) : Loss(reduction)
{
    /// <inheritdoc/>
    protected override Tensor Forward((Tensor Input, Tensor Target) of) =>
        of.Input.HuberLoss(of.Target, delta, Reduction);
}

/// <summary>The negative log-likelihood of counts with a Poisson distribution; the options are those of the function.</summary>
public sealed class PoissonNllLoss(
    bool logInput = true,
    bool full = false,
    double eps = 1e-8,
    Reduction reduction = Reduction.Mean
) : Loss(reduction)
{
    /// <inheritdoc/>
    protected override Tensor Forward((Tensor Input, Tensor Target) of) =>
        of.Input.PoissonNllLoss(of.Target, logInput, full, eps, Reduction);
}

/// <summary>The negative log-likelihood of values with a normal distribution: of input (the mean), target and variance (Nix, Weigend 1994).</summary>
public sealed class GaussianNllLoss(bool full = false, double eps = 1e-6, Reduction reduction = Reduction.Mean)
    : TernaryLoss(reduction)
{
    /// <inheritdoc/>
    protected override Tensor Forward((Tensor First, Tensor Second, Tensor Third) of) =>
        of.First.GaussianNllLoss(of.Second, of.Third, full, eps, Reduction);
}
