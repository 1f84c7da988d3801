using CudaNet.Reporting;

namespace CudaNet.Models;

/// <summary>What became of an item of the checklist.</summary>
public enum Verdict
{
    /// <summary>As it should be.</summary>
    Ok,

    /// <summary>Not as it should be.</summary>
    Wrong,

    /// <summary>Could not be looked at.</summary>
    Skipped,
}

/// <summary>An item of the checklist.</summary>
/// <param name="Item">Its name.</param>
/// <param name="Verdict">What became of it.</param>
/// <param name="Text">What was seen, and what to do when it is wrong.</param>
/// <param name="Numbers">What was measured, by name.</param>
public sealed record Finding(
    string Item,
    Verdict Verdict,
    string Text,
    IReadOnlyList<(string Name, double Value)> Numbers
);

/// <summary>How thoroughly to examine.</summary>
/// <param name="Steps">Steps of each trial.</param>
/// <param name="SubsetSteps">Steps in which a few items must be learnt by heart.</param>
/// <param name="LearningRates">The grid's learning rates.</param>
/// <param name="WeightDecays">The grid's λ.</param>
public sealed record DoctorOptions(
    int Steps = 60,
    int SubsetSteps = 400,
    IReadOnlyList<double>? LearningRates = null,
    IReadOnlyList<double>? WeightDecays = null
)
{
    /// <summary>The learning rates that are tried.</summary>
    public IReadOnlyList<double> Rates => LearningRates ?? LogGrid(1e-5, 1, 6);

    /// <summary>The strengths of weight decay that are tried.</summary>
    public IReadOnlyList<double> Decays => WeightDecays ?? LogGrid(1e-6, 1e-2, 3);

    /// <summary>Numbers from one to another, each the same multiple of the one before.</summary>
    /// <param name="low">The first, above 0.</param>
    /// <param name="high">The last.</param>
    /// <param name="count">At least 2.</param>
    public static IReadOnlyList<double> LogGrid(double low, double high, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(low);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(high, low);
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 2);
        return [.. Enumerable.Range(0, count).Select(i => low * Math.Pow(high / low, i / (count - 1.0)))];
    }
}

/// <summary>
/// The training checklist (after Karpathy, CS231n, "Babysitting the learning process", and the notes' section 2.9): cheap trials that tell, before the long training, whether it can go well.
/// </summary>
/// <param name="subject">What is examined.</param>
/// <param name="options">How thoroughly.</param>
public sealed class TrainingDoctor(TrainingSubject subject, DoctorOptions options)
{
    // Of log C. First weights of usual size move the loss by a few percent.
    private const double InitialTolerance = 0.15;

    // Of the first loss, when a few items are known by heart.
    private const double LearntByHeart = 0.05;
    private const int StepsPerLook = 10;

    // Per step: below, hardly anything moves; above, weights are not changed but replaced.
    private const double LeastUpdate = 1e-5;
    private const double MostUpdate = 0.1;

    // Of what the best settings of the grid gain in the same steps.
    private const double LeastGain = 0.5;

    // Of the first loss: batches differ, and decay alone changes the loss a little.
    private const double LeastFall = 0.1;

    // The share of the steps that decays all weights by this much shows that decay is heard.
    private const double StrongDecayPerStep = 0.05;

    private TrialRun? _ownTrial;

    /// <summary>Examines item after item, each when it is asked for.</summary>
    public IEnumerable<Finding> Examine()
    {
        yield return InitialLoss();
        yield return Subset();
        yield return Explosion();
        yield return Curve();
        yield return Ratios();
        yield return Regularisation();
        yield return Search();
    }

    private TrialRun OwnTrial => _ownTrial ??= TrialRun.Of(subject, subject.LearningRate, 0, options.Steps);

    private Finding InitialLoss()
    {
        const string Item = "initial loss";
        if (subject.UninformedLoss is not { } expected)
            return new(Item, Verdict.Skipped, "nobody knows what the loss of an untrained network should be", []);
        var network = subject.Build();
        var loss = TrialRun.Judge(network, () => TrialRun.Mean(subject, network, 0));
        var isRight = Math.Abs(loss - expected) <= InitialTolerance * expected;
        var text = $"{Short(loss)}; guessing gives {Short(expected)}";
        return new(
            Item,
            isRight ? Verdict.Ok : Verdict.Wrong,
            isRight
                ? text
                : $"{text}: look at the loss (its mean, its sign, its classes) and at the size of the first weights",
            [("loss", loss), ("expected", expected)]
        );
    }

    private Finding Subset()
    {
        var network = subject.Build();
        var optimizer = subject.Optimize(network, subject.LearningRate, 0);
        var first = TrialRun.Judge(network, () => subject.SubsetLoss(network).Item());
        var (loss, accuracy, steps, isLearnt) = (first, 0.0, 0, false);
        while (steps < options.SubsetSteps && !isLearnt && double.IsFinite(loss))
        {
            for (var i = 0; i < StepsPerLook; i++, steps++)
            {
                using var frame = Lifetime.Frame();
                optimizer.ZeroGrad();
                subject.SubsetLoss(network).Backward();
                optimizer.Step();
            }
            loss = TrialRun.Judge(network, () => subject.SubsetLoss(network).Item());
            accuracy = subject.SubsetAccuracy is { } right ? TrialRun.Judge(network, () => right(network)) : 1;
            isLearnt = accuracy == 1 && loss <= LearntByHeart * first;
        }
        var share = subject.SubsetAccuracy is null ? "" : $", {Numbers.Percent(accuracy, 0)} right";
        var text = $"loss {Short(first)} → {Short(loss)}{share} after {steps} steps without regularisation";
        return new(
            "overfit a subset",
            isLearnt ? Verdict.Ok : Verdict.Wrong,
            isLearnt
                ? text
                : $"{text}: a few items must be learnt by heart; look for labels that do not belong to their items, a loss that does not reach the weights, and the learning rate",
            [("first_loss", first), ("loss", loss), ("accuracy", accuracy), ("steps", steps)]
        );
    }

    private Finding Explosion()
    {
        var trial = OwnTrial;
        var (first, last) = (trial.Losses[0], trial.Losses[^1]);
        var rate = Short(subject.LearningRate);
        return new(
            "explosion",
            trial.Exploded ? Verdict.Wrong : Verdict.Ok,
            trial.Exploded
                ? $"stopped at step {trial.Losses.Count - 1}: the loss went from {Short(first)} to {Short(last)}, above {TrialRun.Explosion} times the first: the learning rate {rate} is too large"
                : $"at learning rate {rate} the loss stays below {TrialRun.Explosion} times its first value, {Short(first)}",
            [("first_loss", first), ("last_loss", last), ("steps", trial.Losses.Count - 1)]
        );
    }

    private Finding Curve()
    {
        const string Item = "loss curve";
        // Where the loss has come to in the first fifth, and in the end: flat, then a drop, tells of bad first weights.
        const double Flat = 0.98;
        const double Dropped = 0.8;
        if (OwnTrial.Exploded)
            return new(Item, Verdict.Skipped, "the loss exploded", []);
        var losses = OwnTrial.Losses;
        var part = Math.Max(1, losses.Count / 5);
        var (first, early, late) = (losses[0], losses.Skip(part).Take(part).Average(), losses.TakeLast(part).Average());
        var isFlatThenDrops = early > Flat * first && late < Dropped * first;
        var text = $"{Short(first)} → {Short(early)} → {Short(late)}";
        var falls = late < first;
        return new(
            Item,
            falls && !isFlatThenDrops ? Verdict.Ok : Verdict.Wrong,
            isFlatThenDrops ? $"{text}: flat at first, then a drop: look at the first weights"
                : falls ? text
                : $"{text}: it does not fall in {options.Steps} steps",
            [("first_loss", first), ("early_loss", early), ("late_loss", late)]
        );
    }

    private Finding Ratios()
    {
        var (gradient, update) = (OwnTrial.GradientRatio, OwnTrial.UpdateRatio);
        var isUsual = update is >= LeastUpdate and <= MostUpdate;
        var text = $"per step ‖Δθ‖/‖θ‖ is {Short(update)}, ‖∇θ‖/‖θ‖ {Short(gradient)}; about 0.001 to 0.01 is usual";
        return new(
            "gradient/weight ratio",
            isUsual ? Verdict.Ok : Verdict.Wrong,
            isUsual ? text
                : update > MostUpdate ? $"{text}: weights are replaced rather than changed: lower the learning rate"
                : $"{text}: weights hardly move: raise the learning rate, or look for gradients that vanish",
            [("update_ratio", update), ("gradient_ratio", gradient)]
        );
    }

    private Finding Regularisation()
    {
        const string Item = "regularisation";
        if (OwnTrial.Exploded)
            return new(Item, Verdict.Skipped, "the loss exploded", []);
        var without = OwnTrial.FinalLoss;
        var strong = TrialRun.Of(
            subject,
            subject.LearningRate,
            StrongDecayPerStep / subject.LearningRate,
            options.Steps
        );
        var isHeard = strong.Exploded || strong.FinalLoss > without;
        var text = $"strong weight decay takes the loss from {Short(without)} to {Short(strong.FinalLoss)}";
        return new(
            Item,
            isHeard ? Verdict.Ok : Verdict.Wrong,
            isHeard ? text : $"{text}: it must rise; look whether the optimiser is given the decay",
            [("loss", without), ("decayed_loss", strong.FinalLoss)]
        );
    }

    private Finding Search()
    {
        var trials = (
            from rate in options.Rates
            from decay in options.Decays
            select (Rate: rate, Decay: decay, Trial: TrialRun.Of(subject, rate, decay, options.Steps))
        ).ToList();
        var numbers = trials
            .Select(one => (FormattableString.Invariant($"lr={one.Rate:g3} λ={one.Decay:g3}"), one.Trial.FinalLoss))
            .ToList();
        var fine = trials.Where(one => !one.Trial.Exploded).ToList();
        if (fine.Count == 0)
            return new("learning rate and λ", Verdict.Wrong, "the loss explodes everywhere on the grid", numbers);
        var best = fine.MinBy(one => one.Trial.FinalLoss);
        var first = OwnTrial.Losses[0];
        var (gain, bestGain) = (first - OwnTrial.FinalLoss, first - best.Trial.FinalLoss);
        var falls = bestGain >= LeastFall * first;
        var isGood = falls && !OwnTrial.Exploded && gain >= LeastGain * bestGain;
        var found =
            $"of {trials.Count}, {trials.Count - fine.Count} exploded; best lr {Short(best.Rate)} with λ {Short(best.Decay)}: loss {Short(best.Trial.FinalLoss)} after {options.Steps} steps";
        return new(
            "learning rate and λ",
            isGood ? Verdict.Ok : Verdict.Wrong,
            isGood ? $"{found}; the recipe's lr {Short(subject.LearningRate)}: {Short(OwnTrial.FinalLoss)}"
                : falls
                    ? $"{found}; the recipe's lr {Short(subject.LearningRate)} gains less than {Numbers.Percent(LeastGain, 0)} of that: take {Short(best.Rate)}"
                : $"{found}: nothing on the grid makes the loss fall from {Short(first)} by a tenth",
            [("best_lr", best.Rate), ("best_lambda", best.Decay), ("best_loss", best.Trial.FinalLoss), .. numbers]
        );
    }

    private static string Short(double value) => Numbers.General(value);
}
