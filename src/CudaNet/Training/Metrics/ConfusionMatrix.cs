namespace CudaNet.Training;

/// <summary>How rates of classes become one number.</summary>
public enum ClassAverage
{
    /// <summary>The mean over classes that occur, in labels or predictions, all alike.</summary>
    Macro,

    /// <summary>The mean over classes, each as often as it is a label.</summary>
    Weighted,
}

/// <summary>
/// Counts how often rows of each class are taken for each class, batch by batch, and gives the rates that follow. A rate whose denominator is 0 is 0,
/// as in scikit-learn.
/// </summary>
public sealed class ConfusionMatrix
{
    private readonly long[,] _counts;

    /// <summary>A matrix of zeros.</summary>
    /// <param name="classes">At least 1.</param>
    /// <exception cref="AttributeException">There is no class.</exception>
    public ConfusionMatrix(int classes)
    {
        if (classes < 1)
            throw new AttributeException($"ConfusionMatrix: expected at least 1 class, got {classes}");
        (Classes, _counts) = (classes, new long[classes, classes]);
    }

    /// <summary>How many classes there are.</summary>
    public int Classes { get; }

    /// <summary>Rows so far.</summary>
    public long Count { get; private set; }

    /// <summary>How many rows of class <paramref name="label"/> were taken for <paramref name="predicted"/>.</summary>
    public long this[int label, int predicted] => _counts[label, predicted];

    /// <summary>The part of rows that were taken for what they are; NaN before the first row.</summary>
    public double Accuracy => (double)Sum(c => _counts[c, c]) / Count;

    /// <summary>Takes a batch into account: the class of a row is the one with the largest score. Waits for the device.</summary>
    /// <param name="scores">(rows, classes), logits or probabilities.</param>
    /// <param name="target">(rows), i64.</param>
    /// <exception cref="ShapeException">The shapes do not fit together, or the scores are for other classes.</exception>
    /// <exception cref="AttributeException">A label is no class.</exception>
    public void Add(Tensor scores, Tensor target)
    {
        if (scores.Rank == 2 && scores.Shape[1] != Classes)
            throw new ShapeException($"ConfusionMatrix: got scores {scores.Shape}; expected (rows, {Classes})");
        ClassScores.ForEachRow(
            nameof(ConfusionMatrix),
            scores,
            target,
            (row, label) => Note(label, ClassScores.Largest(row))
        );
    }

    /// <summary>Takes a batch of classes into account. Waits for the device.</summary>
    /// <param name="predicted">i64, of any shape.</param>
    /// <param name="target">i64, of the same shape.</param>
    /// <exception cref="ShapeException">The shapes differ.</exception>
    /// <exception cref="AttributeException">One is no class.</exception>
    public void AddPredictions(Tensor predicted, Tensor target)
    {
        if (!predicted.Shape.Equals(target.Shape))
            throw new ShapeException(
                $"ConfusionMatrix: got predictions {predicted.Shape} and a target {target.Shape}; expected equal shapes"
            );
        var found = ClassScores.Labels(nameof(ConfusionMatrix), predicted, Classes);
        var labels = ClassScores.Labels(nameof(ConfusionMatrix), target, Classes);
        for (var i = 0; i < labels.Length; i++)
            Note(labels[i], found[i]);
    }

    /// <summary>The part of rows taken for a class that are of it.</summary>
    public double Precision(int c) => Rate(_counts[c, c], Sum(label => _counts[label, c]));

    /// <summary>The part of a class's rows that were taken for it.</summary>
    public double Recall(int c) => Rate(_counts[c, c], Support(c));

    /// <summary>The harmonic mean of precision and recall: 2 tp / (2 tp + fp + fn).</summary>
    public double F1(int c) => Rate(2 * _counts[c, c], Support(c) + Sum(label => _counts[label, c]));

    /// <summary>How many rows are of a class.</summary>
    public long Support(int c) => Sum(predicted => _counts[c, predicted]);

    /// <summary>The precision of all classes together.</summary>
    public double Precision(ClassAverage average) => Mean(Precision, average);

    /// <summary>The recall of all classes together; weighted, it is the accuracy.</summary>
    public double Recall(ClassAverage average) => Mean(Recall, average);

    /// <summary>The F1 score of all classes together: the mean of theirs.</summary>
    public double F1(ClassAverage average) => Mean(F1, average);

    private void Note(int label, int predicted)
    {
        _counts[label, predicted]++;
        Count++;
    }

    private double Mean(Func<int, double> rate, ClassAverage average)
    {
        var (sum, weights) = (0.0, 0.0);
        for (var c = 0; c < Classes; c++)
        {
            var occurs = Support(c) > 0 || Sum(label => _counts[label, c]) > 0;
            double weight =
                average == ClassAverage.Weighted ? Support(c)
                : occurs ? 1
                : 0;
            (sum, weights) = (sum + weight * rate(c), weights + weight);
        }
        return sum / weights;
    }

    private long Sum(Func<int, long> count)
    {
        long sum = 0;
        for (var c = 0; c < Classes; c++)
            sum += count(c);
        return sum;
    }

    private static double Rate(long part, long whole) => whole == 0 ? 0 : (double)part / whole;
}
