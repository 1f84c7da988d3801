namespace CudaNet.Models;

/// <summary>
/// Labels from several sources that err, such as crowd workers or labelling rules, of which each may abstain: weak supervision. Works on the host.
/// </summary>
public sealed class NoisyVotes
{
    /// <summary>The vote of a source that has none.</summary>
    public const int Abstain = -1;

    private readonly int[,] _votes;

    /// <summary>Votes on items.</summary>
    /// <param name="votes">[item, source]: a class from 0 to classes − 1, or <see cref="Abstain"/>.</param>
    /// <param name="classes">At least 2.</param>
    /// <exception cref="ArgumentException">A vote is for no class, or there are none.</exception>
    public NoisyVotes(int[,] votes, int classes)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(classes, 2);
        if (votes.Length == 0)
            throw new ArgumentException("there is no vote", nameof(votes));
        foreach (var vote in votes)
            if (vote < Abstain || vote >= classes)
                throw new ArgumentException(
                    $"a vote is for class {vote}; expected {Abstain} to {classes - 1}",
                    nameof(votes)
                );
        (_votes, Classes) = ((int[,])votes.Clone(), classes);
    }

    /// <summary>How many items there are.</summary>
    public int Items => _votes.GetLength(0);

    /// <summary>How many sources there are.</summary>
    public int Sources => _votes.GetLength(1);

    /// <summary>How many classes there are.</summary>
    public int Classes { get; }

    /// <summary>The share of an item's votes that each class has, [item, class]; even where nobody voted.</summary>
    public double[,] Majority()
    {
        var shares = new double[Items, Classes];
        for (var item = 0; item < Items; item++)
        {
            for (var source = 0; source < Sources; source++)
                if (_votes[item, source] is var vote and not Abstain)
                    shares[item, vote]++;
            Normalize(shares, item);
        }
        return shares;
    }

    /// <summary>
    /// Weighs each source by how it errs, which is found together with the labels by expectation maximisation, beginning with <see cref="Majority"/>: Dawid and Skene, "Maximum likelihood estimation of
    /// observer error-rates using the EM algorithm", 1979. An abstention says nothing.
    /// </summary>
    /// <param name="iterations">At most so many; it ends earlier when nothing changes any more.</param>
    /// <param name="smoothing">Votes of each kind that are added to what a source has cast, so that no probability is 0.</param>
    public VoteModel DawidSkene(int iterations = 100, double smoothing = 0.01)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(iterations, 1);
        if (!(smoothing > 0))
            throw new ArgumentOutOfRangeException(nameof(smoothing), smoothing, "expected a number above 0");
        const double Settled = 1e-9;
        var posterior = Majority();
        var priors = new double[Classes];
        var confusion = new double[Sources, Classes, Classes];
        for (var iteration = 0; iteration < iterations; iteration++)
        {
            Maximize(posterior, priors, confusion, smoothing);
            var next = Expect(priors, confusion);
            var change = 0.0;
            for (var item = 0; item < Items; item++)
            for (var label = 0; label < Classes; label++)
                change = Math.Max(change, Math.Abs(next[item, label] - posterior[item, label]));
            posterior = next;
            if (change < Settled)
                break;
        }
        return new VoteModel(posterior, priors, confusion);
    }

    /// <summary>The most probable class of each item, the first where several are.</summary>
    public static int[] Labels(double[,] probabilities)
    {
        var labels = new int[probabilities.GetLength(0)];
        for (var item = 0; item < labels.Length; item++)
        for (var label = 1; label < probabilities.GetLength(1); label++)
            if (probabilities[item, label] > probabilities[item, labels[item]])
                labels[item] = label;
        return labels;
    }

    private void Maximize(double[,] posterior, double[] priors, double[,,] confusion, double smoothing)
    {
        for (var label = 0; label < Classes; label++)
        {
            priors[label] = smoothing;
            for (var item = 0; item < Items; item++)
                priors[label] += posterior[item, label];
        }
        var total = priors.Sum();
        for (var label = 0; label < Classes; label++)
            priors[label] /= total;
        for (var source = 0; source < Sources; source++)
        for (var label = 0; label < Classes; label++)
        {
            var counts = new double[Classes];
            Array.Fill(counts, smoothing);
            for (var item = 0; item < Items; item++)
                if (_votes[item, source] is var vote and not Abstain)
                    counts[vote] += posterior[item, label];
            var all = counts.Sum();
            for (var vote = 0; vote < Classes; vote++)
                confusion[source, label, vote] = counts[vote] / all;
        }
    }

    private double[,] Expect(double[] priors, double[,,] confusion)
    {
        var posterior = new double[Items, Classes];
        var logs = new double[Classes];
        for (var item = 0; item < Items; item++)
        {
            for (var label = 0; label < Classes; label++)
            {
                logs[label] = Math.Log(priors[label]);
                for (var source = 0; source < Sources; source++)
                    if (_votes[item, source] is var vote and not Abstain)
                        logs[label] += Math.Log(confusion[source, label, vote]);
            }
            // The largest is taken out first: products over many sources are too small for a double.
            var largest = logs.Max();
            for (var label = 0; label < Classes; label++)
                posterior[item, label] = Math.Exp(logs[label] - largest);
            Normalize(posterior, item);
        }
        return posterior;
    }

    private void Normalize(double[,] shares, int item)
    {
        var sum = 0.0;
        for (var label = 0; label < Classes; label++)
            sum += shares[item, label];
        for (var label = 0; label < Classes; label++)
            shares[item, label] = sum > 0 ? shares[item, label] / sum : 1.0 / Classes;
    }
}

/// <summary>What votes tell of items and of their sources.</summary>
/// <param name="Posterior">[item, class]: how probable each label is.</param>
/// <param name="Priors">[class]: how frequent each class is.</param>
/// <param name="Confusion">[source, class, vote]: how a source votes on an item of a class.</param>
public sealed record VoteModel(double[,] Posterior, double[] Priors, double[,,] Confusion);
