using CudaNet.Data;

namespace CudaNet.Training;

/// <summary>One way of dividing a data set into rows to train on and rows to judge by.</summary>
/// <param name="Train">Ascending.</param>
/// <param name="Test">Ascending; the folds' are disjoint, and together they are all rows.</param>
public sealed record Fold(IReadOnlyList<long> Train, IReadOnlyList<long> Test);

/// <summary>k-fold cross-validation (Stone 1974): every row is in the test part of exactly one fold.</summary>
public static class KFold
{
    /// <summary>Folds whose sizes differ by at most 1, the larger ones first.</summary>
    /// <param name="count">Rows; at least as many as folds.</param>
    /// <param name="folds">At least 2.</param>
    /// <param name="shuffle">Whether rows are dealt out in a random order; otherwise a fold's test rows lie together.</param>
    /// <param name="seed">What the order is drawn from.</param>
    public static IReadOnlyList<Fold> Split(int count, int folds, bool shuffle = true, ulong seed = 0)
    {
        Require(count, folds);
        var order = Order(count, shuffle, seed);
        var fold = new int[count];
        for (var (k, first) = (0, 0); k < folds; k++)
        {
            var size = count / folds + (k < count % folds ? 1 : 0);
            foreach (var row in order.AsSpan(first, size))
                fold[row] = k;
            first += size;
        }
        return Folds(fold, folds);
    }

    /// <summary>Folds in which every class is as frequent as in the whole: a class's rows in two folds, and the sizes of two folds, differ by at most 1.</summary>
    /// <param name="labels">The class of each row.</param>
    /// <param name="folds">At least 2, and at most the number of rows. A class with fewer rows is missing in some folds.</param>
    /// <param name="shuffle">Whether a class's rows are dealt out in a random order, otherwise in theirs.</param>
    /// <param name="seed">What the order is drawn from.</param>
    public static IReadOnlyList<Fold> SplitStratified(
        ReadOnlySpan<long> labels,
        int folds,
        bool shuffle = true,
        ulong seed = 0
    )
    {
        Require(labels.Length, folds);
        var classes = labels.ToArray();
        var fold = new int[classes.Length];
        // Dealt like cards, class after class, each beginning where the one before ended.
        var next = 0;
        foreach (var row in Order(classes.Length, shuffle, seed).OrderBy(row => classes[row]))
            fold[row] = next++ % folds;
        return Folds(fold, folds);
    }

    private static void Require(int count, int folds)
    {
        if (folds < 2 || folds > count)
            throw new AttributeException($"KFold: expected from 2 to {count} folds of {count} rows, got {folds}");
    }

    private static long[] Order(int count, bool shuffle, ulong seed)
    {
        var order = new long[count];
        new EpochOrder(count, seed, shuffle).Fill(0, 0, order);
        return order;
    }

    private static Fold[] Folds(int[] fold, int folds) =>
        [
            .. Enumerable
                .Range(0, folds)
                .Select(k => new Fold(Rows(fold, other => other != k), Rows(fold, other => other == k))),
        ];

    private static long[] Rows(int[] fold, Func<int, bool> isIn) =>
        [.. fold.Index().Where(row => isIn(row.Item)).Select(row => (long)row.Index)];
}
