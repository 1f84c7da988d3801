using CudaNet.Data;
using CudaNet.Nn;
using CudaNet.Optim;
using CudaNet.Random;
using CudaNet.Training;

namespace CudaNet.Models;

/// <summary>What a method's loss is computed from.</summary>
/// <param name="Model">The network, in training mode.</param>
/// <param name="Average">The averages of its weights: the teacher of a student.</param>
/// <param name="Batch">Images.</param>
/// <param name="Progress">The share of the training that is over.</param>
internal sealed record SemiSupervisedStep(
    Module<Tensor, Tensor> Model,
    ExponentialMovingAverage Average,
    SemiSupervisedBatch Batch,
    double Progress
)
{
    /// <summary>Probabilities of the network as it evaluates, without a gradient.</summary>
    public Tensor Guess(Tensor images)
    {
        using var noGrad = Autograd.NoGrad();
        using var mode = new EvaluationMode(Model);
        return Model.Call(images).Softmax(1);
    }

    /// <summary>The logits of several batches, computed as one.</summary>
    public Tensor[] Logits(params ReadOnlySpan<Tensor> images)
    {
        var sizes = new long[images.Length];
        for (var i = 0; i < images.Length; i++)
            sizes[i] = images[i].Shape[0];
        return Model.Call(Tensor.Concat(images)).Split(sizes);
    }
}

/// <summary>A way of learning from images without labels.</summary>
internal abstract class SemiSupervisedMethod
{
    /// <summary>A change that leaves a digit as it might have been written: moved by up to 3 pixels.</summary>
    protected static IAugmentation Weak { get; } = new RandomCrop(3);

    /// <summary>RandAugment and Cutout; what comes from outside is paper.</summary>
    protected static IAugmentation Strong { get; } = new RandAugment(Fill: 0);

    /// <summary>What the command line calls it.</summary>
    public abstract string Name { get; }

    /// <summary>What is done to images with labels.</summary>
    public virtual IAugmentation LabelView => Weak;

    /// <summary>What is done to images without, for each view that <see cref="Loss"/> is given.</summary>
    public abstract IReadOnlyList<IAugmentation> Views { get; }

    /// <summary>What it remembers from step to step.</summary>
    public virtual IStateful? State => null;

    /// <summary>The loss of a step, and what else is to be reported.</summary>
    public abstract StepResult Loss(SemiSupervisedStep step);

    /// <summary>From 0 to 1 over the first part of the training, so that early guesses, which are bad, count little.</summary>
    protected static double Ramp(double progress, double part) => Math.Clamp(progress / part, 0, 1);
}

/// <summary>Only the images with labels, strongly augmented: what the others have to beat.</summary>
internal sealed class Supervised : SemiSupervisedMethod
{
    public override string Name => "supervised";

    public override IAugmentation LabelView => Strong;

    public override IReadOnlyList<IAugmentation> Views => [];

    public override StepResult Loss(SemiSupervisedStep step) =>
        new(step.Model.Call(step.Batch.Images).CrossEntropy(step.Batch.Labels));
}

/// <summary>
/// The network's own confident guesses as labels. FixMatch guesses on a weakly augmented view and learns them on a strongly augmented one (Sohn et al., "FixMatch", 2020, equations 3 and 4); pseudo-labelling (Lee 2013)
/// learns them on the same view, with a weight that grows.
/// </summary>
/// <param name="threshold">How probable a guess must be to count.</param>
/// <param name="isStrong">Whether it is learnt on a strongly augmented view.</param>
internal sealed class ConfidentGuesses(double threshold, bool isStrong) : SemiSupervisedMethod
{
    private const double RampPart = 0.4;

    public override string Name => isStrong ? "fixmatch" : "pseudo-label";

    public override IReadOnlyList<IAugmentation> Views => isStrong ? [Weak, Strong] : [Weak];

    public override StepResult Loss(SemiSupervisedStep step)
    {
        var batch = step.Batch;
        var guess = step.Guess(batch.Views[0]);
        var confident = guess.Max(1).Ge(threshold).Cast(DType.Float32);
        var logits = step.Logits(batch.Images, batch.Views[^1]);
        var labeled = logits[0].CrossEntropy(batch.Labels);
        var unlabeled = (logits[1].CrossEntropy(guess.ArgMax(1), reduction: Reduction.None) * confident).Mean();
        var weight = isStrong ? 1 : Ramp(step.Progress, RampPart);
        return new StepResult(labeled + unlabeled * weight)
            .With("labeled_loss", labeled)
            .With("unlabeled_loss", unlabeled)
            .With("confident", confident.Mean());
    }
}

/// <summary>
/// A student that agrees, on another view, with a teacher whose weights are the averages of the student's: Tarvainen and Valpola, "Mean teachers are better role models", 2017.
/// </summary>
internal sealed class MeanTeacher : SemiSupervisedMethod
{
    // Squared differences of probabilities, averaged over classes, are small beside a cross-entropy.
    private const double Weight = 100;
    private const double RampPart = 0.4;

    public override string Name => "mean-teacher";

    public override IReadOnlyList<IAugmentation> Views => [Weak, Weak];

    public override StepResult Loss(SemiSupervisedStep step)
    {
        var batch = step.Batch;
        Tensor teacher;
        using (step.Average.Apply())
            teacher = step.Guess(batch.Views[0]);
        var logits = step.Logits(batch.Images, batch.Views[1]);
        var labeled = logits[0].CrossEntropy(batch.Labels);
        var unlabeled = logits[1].Softmax(1).MseLoss(teacher);
        // The ramp of the paper, exp(−5 (1 − t)²).
        var rest = 1 - Ramp(step.Progress, RampPart);
        return new StepResult(labeled + unlabeled * (Weight * Math.Exp(-5 * rest * rest)))
            .With("labeled_loss", labeled)
            .With("unlabeled_loss", unlabeled);
    }
}
