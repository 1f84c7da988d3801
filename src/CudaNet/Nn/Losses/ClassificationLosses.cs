namespace CudaNet.Nn;

/// <summary>Cross entropy of logits, (rows, classes, …), and classes, i64 (rows, …).</summary>
public sealed class CrossEntropyLoss : Loss
{
    private readonly Tensor? _weight;
    private readonly long _ignoreIndex;
    private readonly double _labelSmoothing;

    /// <summary>A loss.</summary>
    /// <param name="weight">One per class, (classes); a buffer <c>weight</c>.</param>
    /// <param name="ignoreIndex">The target that does not count.</param>
    /// <param name="reduction">Mean (by the weights of the targets), sum, or the losses themselves.</param>
    /// <param name="labelSmoothing">Which part of the probability is spread over all classes: from 0 to 1 (Szegedy et al. 2016).</param>
    public CrossEntropyLoss(
        Tensor? weight = null,
        long ignoreIndex = -100,
        Reduction reduction = Reduction.Mean,
        double labelSmoothing = 0
    )
        : base(reduction) =>
        (_weight, _ignoreIndex, _labelSmoothing) = (AddWeight("weight", weight), ignoreIndex, labelSmoothing);

    /// <inheritdoc/>
    protected override Tensor Forward((Tensor Input, Tensor Target) of) =>
        of.Input.CrossEntropy(of.Target, _weight, _ignoreIndex, Reduction, _labelSmoothing);
}

/// <summary>Cross entropy of log-probabilities, (rows, classes, …), and classes, i64 (rows, …).</summary>
public sealed class NllLoss : Loss
{
    private readonly Tensor? _weight;
    private readonly long _ignoreIndex;

    /// <summary>A loss.</summary>
    /// <param name="weight">One per class, (classes); a buffer <c>weight</c>.</param>
    /// <param name="ignoreIndex">The target that does not count.</param>
    /// <param name="reduction">Mean (by the weights of the targets), sum, or the losses themselves.</param>
    public NllLoss(Tensor? weight = null, long ignoreIndex = -100, Reduction reduction = Reduction.Mean)
        : base(reduction) => (_weight, _ignoreIndex) = (AddWeight("weight", weight), ignoreIndex);

    /// <inheritdoc/>
    protected override Tensor Forward((Tensor Input, Tensor Target) of) =>
        of.Input.NllLoss(of.Target, _weight, _ignoreIndex, Reduction);
}

/// <summary>Binary cross entropy of probabilities.</summary>
public sealed class BceLoss : Loss
{
    private readonly Tensor? _weight;

    /// <summary>A loss.</summary>
    /// <param name="weight">Multiplies each loss; broadcasts to the input's shape; a buffer <c>weight</c>.</param>
    /// <param name="reduction">Mean over all elements, sum, or the losses themselves.</param>
    public BceLoss(Tensor? weight = null, Reduction reduction = Reduction.Mean)
        : base(reduction) => _weight = AddWeight("weight", weight);

    /// <inheritdoc/>
    protected override Tensor Forward((Tensor Input, Tensor Target) of) =>
        _weight is null
            ? of.Input.BinaryCrossEntropy(of.Target, Reduction)
            : Losses.Reduce(of.Input.BinaryCrossEntropy(of.Target, Reduction.None).Mul(_weight), Reduction);
}

/// <summary>Binary cross entropy of logits; accurate for logits of any size.</summary>
public sealed class BceWithLogitsLoss : Loss
{
    private readonly Tensor? _weight;
    private readonly Tensor? _posWeight;

    /// <summary>A loss.</summary>
    /// <param name="weight">Multiplies each loss; broadcasts to the input's shape; a buffer <c>weight</c>.</param>
    /// <param name="reduction">Mean over all elements, sum, or the losses themselves.</param>
    /// <param name="posWeight">Multiplies the part of the positive class; a buffer <c>pos_weight</c>.</param>
    public BceWithLogitsLoss(Tensor? weight = null, Reduction reduction = Reduction.Mean, Tensor? posWeight = null)
        : base(reduction) => (_weight, _posWeight) = (AddWeight("weight", weight), AddWeight("pos_weight", posWeight));

    /// <inheritdoc/>
    protected override Tensor Forward((Tensor Input, Tensor Target) of) =>
        of.Input.BceWithLogits(of.Target, _weight, _posWeight, Reduction);
}

/// <summary>The terms of KL(target ‖ exp input) for log-probabilities; the mean is over all elements, as PyTorch's is.</summary>
public sealed class KlDivLoss(Reduction reduction = Reduction.Mean, bool logTarget = false) : Loss(reduction)
{
    /// <inheritdoc/>
    protected override Tensor Forward((Tensor Input, Tensor Target) of) =>
        of.Input.KlDiv(of.Target, logTarget, Reduction);
}

/// <summary>log(1 + exp(−target · input)) for targets 1 and −1.</summary>
public sealed class SoftMarginLoss(Reduction reduction = Reduction.Mean) : Loss(reduction)
{
    /// <inheritdoc/>
    protected override Tensor Forward((Tensor Input, Tensor Target) of) =>
        of.Input.SoftMarginLoss(of.Target, Reduction);
}

/// <summary>The mean of binary cross entropies of logits over classes, the last axis.</summary>
public sealed class MultilabelSoftMarginLoss(Reduction reduction = Reduction.Mean) : Loss(reduction)
{
    /// <inheritdoc/>
    protected override Tensor Forward((Tensor Input, Tensor Target) of) =>
        of.Input.MultilabelSoftMarginLoss(of.Target, Reduction);
}
