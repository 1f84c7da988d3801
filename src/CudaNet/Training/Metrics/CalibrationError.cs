namespace CudaNet.Training;

/// <summary>Predictions of similar confidence.</summary>
/// <param name="Low">The bin holds confidences above this (and 0, when it is the first) …</param>
/// <param name="High">… up to and with this.</param>
/// <param name="Count">How many there are.</param>
/// <param name="Confidence">Their mean probability; NaN without any.</param>
/// <param name="Accuracy">The part of them that is right; NaN without any.</param>
public sealed record CalibrationBin(double Low, double High, long Count, double Confidence, double Accuracy);

/// <summary>
/// Whether a network's probabilities are what they say (Guo et al. 2017): predictions are put into bins of equal width by the
/// probability of the predicted class, and the error is the mean over predictions of |accuracy − confidence| of their bin. Added up batch by batch.
/// </summary>
public sealed class CalibrationError
{
    private readonly long[] _counts;
    private readonly long[] _right;
    private readonly double[] _confidence;

    /// <summary>Empty bins.</summary>
    /// <param name="bins">At least 1.</param>
    /// <exception cref="AttributeException">There is no bin.</exception>
    public CalibrationError(int bins = 15)
    {
        if (bins < 1)
            throw new AttributeException($"CalibrationError: expected at least 1 bin, got {bins}");
        (_counts, _right, _confidence) = (new long[bins], new long[bins], new double[bins]);
    }

    /// <summary>Rows so far.</summary>
    public long Count => _counts.Sum();

    /// <summary>The expected calibration error; NaN before the first row.</summary>
    public double Expected => Gaps().Sum(bin => bin.Count * bin.Gap) / Count;

    /// <summary>The largest |accuracy − confidence| of a bin; NaN before the first row.</summary>
    public double Maximum => Gaps().Select(bin => bin.Gap).DefaultIfEmpty(double.NaN).Max();

    /// <summary>The bins of the reliability diagram, by confidence.</summary>
    public IReadOnlyList<CalibrationBin> Bins =>
        [
            .. _counts.Select(
                (count, i) =>
                    new CalibrationBin(
                        (double)i / _counts.Length,
                        (i + 1.0) / _counts.Length,
                        count,
                        _confidence[i] / count,
                        (double)_right[i] / count
                    )
            ),
        ];

    /// <summary>Takes a batch into account. Waits for the device.</summary>
    /// <param name="probabilities">(rows, classes), from 0 to 1: of logits, take Softmax first.</param>
    /// <param name="target">(rows), i64.</param>
    /// <exception cref="ShapeException">The shapes do not fit together.</exception>
    /// <exception cref="AttributeException">A label is no class, or the largest of a row's values is no probability.</exception>
    public void Add(Tensor probabilities, Tensor target) =>
        ClassScores.ForEachRow(nameof(CalibrationError), probabilities, target, Add);

    private void Add(ReadOnlySpan<double> row, int label)
    {
        var predicted = ClassScores.Largest(row);
        // Softmax in f32 may round to just above 1.
        if (!(row[predicted] is >= 0 and <= 1 + 1e-6))
            throw new AttributeException(
                $"CalibrationError: expected probabilities from 0 to 1, got {row[predicted]}; take Softmax of logits first"
            );
        var confidence = Math.Min(row[predicted], 1);
        var bin = Math.Max((int)Math.Ceiling(confidence * _counts.Length) - 1, 0);
        _counts[bin]++;
        _confidence[bin] += confidence;
        if (predicted == label)
            _right[bin]++;
    }

    private IEnumerable<(long Count, double Gap)> Gaps() =>
        Bins.Where(bin => bin.Count > 0).Select(bin => (bin.Count, Math.Abs(bin.Accuracy - bin.Confidence)));
}
