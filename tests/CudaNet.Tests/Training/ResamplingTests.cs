using System.Runtime.InteropServices;
using CudaNet.IO;
using CudaNet.Training;

namespace CudaNet.Tests.Training;

/// <summary>Folds and bootstrap samples by the properties that define them.</summary>
[TestFixture]
public sealed class ResamplingTests
{
    [Test]
    public void Every_row_is_judged_in_one_fold_and_trained_on_in_the_others(
        [Values(2, 3, 10)] int folds,
        [Values(10, 23, 64)] int count,
        [Values] bool shuffle
    )
    {
        var split = KFold.Split(count, folds, shuffle, seed: 5);
        Assert.That(split, Has.Count.EqualTo(folds));
        Assert.That(split.SelectMany(fold => fold.Test).Order(), Is.EqualTo(Enumerable.Range(0, count)));
        foreach (var fold in split)
        {
            Assert.That(fold.Train.Concat(fold.Test).Order(), Is.EqualTo(Enumerable.Range(0, count)));
            Assert.That(fold.Test, Is.Ordered.And.Count.InRange(count / folds, (count + folds - 1) / folds));
        }
        if (!shuffle)
            Assert.That(split.SelectMany(fold => fold.Test), Is.Ordered);
    }

    [Test]
    public void Stratified_folds_share_every_class_evenly([Values(2, 3, 5)] int folds, [Values] bool shuffle)
    {
        var labels = Enumerable.Range(0, 57).Select(i => (long)(i * i % 7 % 4)).ToArray();
        var split = KFold.SplitStratified(labels, folds, shuffle, seed: 2);
        Assert.That(split.SelectMany(fold => fold.Test).Order(), Is.EqualTo(Enumerable.Range(0, labels.Length)));
        var sizes = split.Select(fold => fold.Test.Count).ToList();
        Assert.That(sizes.Max() - sizes.Min(), Is.LessThanOrEqualTo(1));
        foreach (var c in labels.Distinct())
        {
            var shares = split.Select(fold => fold.Test.Count(row => labels[row] == c)).ToList();
            Assert.That(shares.Max() - shares.Min(), Is.LessThanOrEqualTo(1), $"class {c}");
        }
    }

    [Test]
    public void Folds_depend_on_the_seed_alone()
    {
        string Tests(ulong seed) => string.Join(' ', KFold.Split(40, 4, seed: seed).SelectMany(fold => fold.Test));
        Assert.That(Tests(1), Is.EqualTo(Tests(1)).And.Not.EqualTo(Tests(2)));
        Assert.That(() => KFold.Split(3, 4), Throws.TypeOf<AttributeException>().With.Message.Contains("4"));
        Assert.That(() => KFold.Split(3, 1), Throws.TypeOf<AttributeException>());
    }

    [Test]
    public void A_bootstrap_sample_draws_with_replacement_and_knows_what_it_left_out()
    {
        const int Count = 2000;
        var sample = Bootstrap.Sample(Count, seed: 3, member: 0);
        Assert.That(sample.Rows, Has.Count.EqualTo(Count).And.All.InRange(0, Count - 1));
        Assert.That(
            sample.Rows.Distinct().Concat(sample.OutOfBag).Order(),
            Is.EqualTo(Enumerable.Range(0, Count)),
            "each row is drawn or left out"
        );
        // A row is left out with probability (1 − 1/n)ⁿ ≈ 1/e; the deviation of the part is √(1/e (1 − 2/e) / n) ≈ 0.007.
        Assert.That((double)sample.OutOfBag.Count / Count, Is.EqualTo(1 / Math.E).Within(0.035));
        Assert.That(Bootstrap.Sample(Count, 3, 0).Rows, Is.EqualTo(sample.Rows));
        Assert.That(Bootstrap.Sample(Count, 3, 1).Rows, Is.Not.EqualTo(sample.Rows));
        Assert.That(Bootstrap.Sample(Count, 4, 0).Rows, Is.Not.EqualTo(sample.Rows));
    }

    [Test]
    public void Rows_are_taken_in_the_order_asked_for()
    {
        long[] values = [0, 1, 10, 11, 20, 21];
        var taken = RowSelection.Take(
            [new("x", DType.Int64, [3, 2], MemoryMarshal.AsBytes<long>(values).ToArray())],
            [2, 0, 2]
        );
        Assert.That(taken[0].Shape, Is.EqualTo(new[] { 3, 2 }));
        Assert.That(
            MemoryMarshal.Cast<byte, long>(taken[0].Bytes).ToArray(),
            Is.EqualTo(new[] { 20, 21, 0, 1, 20, 21 })
        );
        Assert.That(
            () => RowSelection.Take(taken, [3]),
            Throws.TypeOf<ArgumentOutOfRangeException>().With.Message.Contains("no row 3")
        );
    }
}
