namespace CudaNet.Training;

/// <summary>Reads a batch of scores per class and its labels, as the metrics take them.</summary>
internal static class ClassScores
{
    /// <summary>Calls <paramref name="visit"/> with each row's scores and its label.</summary>
    /// <exception cref="ShapeException">The shapes do not fit together.</exception>
    /// <exception cref="DTypeException">Scores are no floating numbers or labels no i64.</exception>
    /// <exception cref="AttributeException">A label is no class.</exception>
    public static void ForEachRow(string metric, Tensor scores, Tensor target, RowVisitor visit)
    {
        if (scores.Rank != 2 || target.Rank != 1 || scores.Shape[0] != target.Shape[0])
            throw new ShapeException(
                $"{metric}: got scores {scores.Shape} and a target {target.Shape}; expected (rows, classes) and (rows)"
            );
        if (!scores.DType.IsFloating)
            throw new DTypeException($"{metric}: expected floating scores, got {scores.DType.Name}");
        var (values, classes) = (scores.ToDoubles(), (int)scores.Shape[1]);
        var labels = Labels(metric, target, classes);
        for (var row = 0; row < labels.Length; row++)
            visit(values.AsSpan(row * classes, classes), labels[row]);
    }

    /// <summary>Labels, each a class.</summary>
    public static int[] Labels(string metric, Tensor labels, int classes)
    {
        if (labels.DType != DType.Int64)
            throw new DTypeException(
                $"{metric}: expected labels of dtype i64, got {labels.DType.Name}; use Cast(DType.Int64)"
            );
        var read = labels.ToArray<long>();
        var result = new int[read.Length];
        for (var i = 0; i < read.Length; i++)
            result[i] =
                read[i] >= 0 && read[i] < classes
                    ? (int)read[i]
                    : throw new AttributeException(
                        $"{metric}: label {read[i]} at position {i} is none of {classes} classes"
                    );
        return result;
    }

    public delegate void RowVisitor(ReadOnlySpan<double> scores, int label);

    /// <summary>The class with the largest score, the first of equals; NaN is larger than any number, as for ArgMax.</summary>
    public static int Largest(ReadOnlySpan<double> scores)
    {
        var best = 0;
        for (var c = 1; c < scores.Length; c++)
            if (scores[c] > scores[best] || double.IsNaN(scores[c]) && !double.IsNaN(scores[best]))
                best = c;
        return best;
    }
}
