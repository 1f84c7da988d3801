namespace CudaNet.Training;

/// <summary>
/// The part of rows whose label is among the k classes with the largest scores, added up batch by batch. Of classes with equal scores the ones with
/// smaller numbers come first, so that equal scores for all classes are no success; a label whose score is NaN is never found.
/// </summary>
public sealed class TopKAccuracy
{
    private readonly int[] _ks;
    private readonly long[] _found;

    /// <summary>Accuracies for these k.</summary>
    /// <param name="k">Each at least 1; top-1 accuracy when none is given.</param>
    /// <exception cref="AttributeException">One is below 1.</exception>
    public TopKAccuracy(params int[] k)
    {
        _ks = k.Length == 0 ? [1] : [.. k];
        if (_ks.Any(value => value < 1))
            throw new AttributeException($"TopKAccuracy: expected k of at least 1, got {string.Join(", ", _ks)}");
        _found = new long[_ks.Length];
    }

    /// <summary>Rows so far.</summary>
    public long Count { get; private set; }

    /// <summary>The accuracies, in the order in which the k were given; NaN before the first row.</summary>
    public IReadOnlyList<double> Values => [.. _found.Select(found => (double)found / Count)];

    /// <summary>Takes a batch into account. Waits for the device.</summary>
    /// <param name="scores">(rows, classes), logits or probabilities.</param>
    /// <param name="target">(rows), i64.</param>
    /// <exception cref="ShapeException">The shapes do not fit together.</exception>
    /// <exception cref="AttributeException">A label is no class.</exception>
    public void Add(Tensor scores, Tensor target) => ClassScores.ForEachRow(nameof(TopKAccuracy), scores, target, Add);

    private void Add(ReadOnlySpan<double> scores, int label)
    {
        Count++;
        var ahead = 0;
        for (var c = 0; c < scores.Length; c++)
            // Negated, so that NaN on either side is ahead.
            if (c != label && !(scores[label] > scores[c] || scores[label] == scores[c] && label < c))
                ahead++;
        for (var i = 0; i < _ks.Length; i++)
            if (ahead < _ks[i] && !double.IsNaN(scores[label]))
                _found[i]++;
    }
}
