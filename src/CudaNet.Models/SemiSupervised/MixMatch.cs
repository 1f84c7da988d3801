using CudaNet.Data;
using CudaNet.Training;

namespace CudaNet.Models;

/// <summary>
/// Guesses averaged over views, made surer, and mixed with the labels: Berthelot et al., "MixMatch", 2019, algorithm 1.
/// </summary>
internal sealed class MixMatch : SemiSupervisedMethod
{
    private const double Temperature = 0.5;
    private const double Alpha = 0.75;

    // The paper's 75 to 250 are for hundreds of thousands of steps.
    private const double Weight = 25;
    private const double RampPart = 0.4;

    public override string Name => "mixmatch";

    public override IReadOnlyList<IAugmentation> Views => [Weak, Weak];

    public override StepResult Loss(SemiSupervisedStep step)
    {
        var batch = step.Batch;
        var guess = Guesses.Sharpen((step.Guess(batch.Views[0]) + step.Guess(batch.Views[1])) / 2, Temperature);
        var (labeledLogits, labeledTargets, unlabeledLogits, unlabeledTargets) = Mixture.Of(
            step,
            Alpha,
            [batch.Views[0], batch.Views[1]],
            guess
        );
        var labeled = Guesses.SoftCrossEntropy(labeledLogits, labeledTargets).Mean();
        var unlabeled = unlabeledLogits.Softmax(1).MseLoss(unlabeledTargets);
        return new StepResult(labeled + unlabeled * (Weight * Ramp(step.Progress, RampPart)))
            .With("labeled_loss", labeled)
            .With("unlabeled_loss", unlabeled);
    }
}

/// <summary>
/// MixMatch with aligned guesses and augmentation anchoring: what is guessed on a weakly augmented view is learnt on strongly augmented ones. Source: Berthelot et al., "ReMixMatch", 2020, algorithm 1, without its
/// rotation loss, which needs images that have one way up: a turned 6 is a 9.
/// </summary>
/// <param name="frequencies">How often each class is right.</param>
internal sealed class ReMixMatch(IReadOnlyList<double> frequencies) : SemiSupervisedMethod
{
    private const double Temperature = 0.5;
    private const double Alpha = 0.75;
    private const double MixedWeight = 1.5;
    private const double StrongWeight = 0.5;
    private const double RampPart = 0.2;

    private readonly DistributionAlignment _alignment = new(frequencies);

    public override string Name => "remixmatch";

    public override IAugmentation LabelView => Strong;

    public override IReadOnlyList<IAugmentation> Views => [Weak, Strong];

    public override IStateful? State => _alignment;

    public override StepResult Loss(SemiSupervisedStep step)
    {
        var batch = step.Batch;
        var guess = Guesses.Sharpen(_alignment.Align(step.Guess(batch.Views[0])), Temperature);
        var (labeledLogits, labeledTargets, unlabeledLogits, unlabeledTargets) = Mixture.Of(
            step,
            Alpha,
            [batch.Views[1], batch.Views[0]],
            guess
        );
        var labeled = Guesses.SoftCrossEntropy(labeledLogits, labeledTargets).Mean();
        var unlabeled = Guesses.SoftCrossEntropy(unlabeledLogits, unlabeledTargets).Mean();
        var strong = Guesses.SoftCrossEntropy(step.Model.Call(batch.Views[1]), guess).Mean();
        var weight = Ramp(step.Progress, RampPart);
        return new StepResult(labeled + unlabeled * (MixedWeight * weight) + strong * (StrongWeight * weight))
            .With("labeled_loss", labeled)
            .With("unlabeled_loss", unlabeled)
            .With("strong_loss", strong);
    }
}

/// <summary>Images with labels, and views with guesses, each mixed with another of them all.</summary>
internal static class Mixture
{
    /// <summary>Logits of the mixtures, and their mixed targets.</summary>
    /// <param name="step">The network and the images with labels.</param>
    /// <param name="alpha">Of the Beta distribution of shares.</param>
    /// <param name="views">(M, pixels) each.</param>
    /// <param name="guess">(M, C), the target of every view.</param>
    public static (Tensor LabeledLogits, Tensor LabeledTargets, Tensor UnlabeledLogits, Tensor UnlabeledTargets) Of(
        SemiSupervisedStep step,
        double alpha,
        IReadOnlyList<Tensor> views,
        Tensor guess
    )
    {
        var batch = step.Batch;
        var random = batch.Random;
        var images = Tensor.Concat([batch.Images, .. views]);
        var targets = Tensor.Concat([
            Guesses.OneHot(batch.Labels, (int)guess.Shape[1]),
            .. Enumerable.Repeat(guess, views.Count),
        ]);
        var share = Guesses.MixingShare(ref random, alpha);
        var partner = Guesses.Shuffle(ref random, (int)images.Shape[0]);
        var logits = step.Model.Call(Guesses.MixUp(images, images.IndexSelect(0, partner), share));
        targets = Guesses.MixUp(targets, targets.IndexSelect(0, partner), share);
        var labeled = batch.Labels.NumElements;
        return (
            logits.Slice(0, 0, labeled),
            targets.Slice(0, 0, labeled),
            logits.Slice(0, labeled),
            targets.Slice(0, labeled)
        );
    }
}
