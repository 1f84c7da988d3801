using CudaNet.Training;

namespace CudaNet.Tests.Training;

/// <summary>Metrics of classes against counts made by hand, and that batches add up.</summary>
[TestFixture]
public sealed class MetricTests
{
    private static readonly double[] Scores =
    [
        0.7,
        0.2,
        0.1,
        0.1,
        0.6,
        0.3,
        0.5,
        0.3,
        0.2,
        0.2,
        0.2,
        0.6,
        0.4,
        0.35,
        0.25,
        0.05,
        0.9,
        0.05,
    ];

    private static readonly long[] Labels = [0, 1, 1, 2, 2, 0];

    [Test]
    public void Top_k_finds_labels_among_the_largest_scores()
    {
        var accuracy = new TopKAccuracy(1, 2, 3);
        InBatches(accuracy.Add);
        Assert.That(accuracy.Count, Is.EqualTo(6));
        // Row 5 ties its label 0 with class 2, and comes first.
        Assert.That(accuracy.Values, Is.EqualTo(new[] { 3 / 6.0, 5 / 6.0, 1 }));
    }

    [Test]
    public void Equal_scores_and_NaN_are_no_success()
    {
        var accuracy = new TopKAccuracy();
        accuracy.Add(Tensor.From<double>([1, 1, 1, 1, double.NaN, 0, double.NaN, 0, 0], [3, 3]), Long(2, 0, 0));
        Assert.That(accuracy.Values[0], Is.Zero);
        Assert.That(new TopKAccuracy().Values[0], Is.NaN);
    }

    [Test]
    public void A_confusion_matrix_counts_and_gives_the_rates()
    {
        var matrix = new ConfusionMatrix(3);
        InBatches(matrix.Add);
        long[,] expected =
        {
            { 1, 1, 0 },
            { 1, 1, 0 },
            { 1, 0, 1 },
        };
        for (var label = 0; label < 3; label++)
        for (var predicted = 0; predicted < 3; predicted++)
            Assert.That(matrix[label, predicted], Is.EqualTo(expected[label, predicted]));
        using var all = Assert.EnterMultipleScope();
        Assert.That(matrix.Accuracy, Is.EqualTo(0.5));
        Assert.That(Enumerable.Range(0, 3).Select(matrix.Precision), Is.EqualTo(new[] { 1 / 3.0, 0.5, 1 }));
        Assert.That(Enumerable.Range(0, 3).Select(matrix.Recall), Is.EqualTo(new[] { 0.5, 0.5, 0.5 }));
        Assert.That(Enumerable.Range(0, 3).Select(matrix.F1), Is.EqualTo(new[] { 0.4, 0.5, 2 / 3.0 }).Within(1e-15));
        Assert.That(matrix.F1(ClassAverage.Macro), Is.EqualTo((0.4 + 0.5 + 2 / 3.0) / 3).Within(1e-15));
        Assert.That(matrix.Recall(ClassAverage.Weighted), Is.EqualTo(matrix.Accuracy));
    }

    [Test]
    public void A_class_without_rows_has_rates_of_0_and_does_not_count()
    {
        var matrix = new ConfusionMatrix(4);
        matrix.AddPredictions(Long(0, 0, 1), Long(0, 0, 0));
        Assert.That((matrix.Precision(3), matrix.Recall(3), matrix.F1(3)), Is.EqualTo((0.0, 0.0, 0.0)));
        Assert.That(matrix.Recall(ClassAverage.Macro), Is.EqualTo(2 / 3.0 / 2), "of the classes 0 and 1");
        Assert.That(matrix.Precision(ClassAverage.Weighted), Is.EqualTo(1));
    }

    [Test]
    public void Calibration_is_the_gap_between_confidence_and_accuracy()
    {
        var error = new CalibrationError(bins: 5);
        InBatches(error.Add);
        // Confidences 0.7 and 0.6 (right), 0.5 (wrong), 0.6 (right), 0.4 (wrong), 0.9 (wrong).
        var bins = error.Bins;
        Assert.That(bins.Select(bin => bin.Count), Is.EqualTo(new[] { 0, 1, 3, 1, 1 }));
        using var all = Assert.EnterMultipleScope();
        Assert.That(bins[2].Confidence, Is.EqualTo((0.6 + 0.5 + 0.6) / 3).Within(1e-15));
        Assert.That(bins[2].Accuracy, Is.EqualTo(2 / 3.0));
        Assert.That(bins[0].Accuracy, Is.NaN);
        Assert.That(error.Expected, Is.EqualTo((0.4 + (2 - 1.7) + 0.3 + 0.9) / 6).Within(1e-15));
        Assert.That(error.Maximum, Is.EqualTo(0.9).Within(1e-15));
    }

    [Test]
    public void A_network_that_is_right_as_often_as_it_says_is_calibrated()
    {
        var error = new CalibrationError();
        for (var i = 0; i < 10; i++)
            error.Add(Tensor.From<double>([0.7, 0.3], [1, 2]), Long(i < 7 ? 0 : 1));
        Assert.That(error.Expected, Is.Zero.Within(1e-15));
        Assert.That(error.Count, Is.EqualTo(10));
    }

    [Test]
    public void Errors_name_what_was_given()
    {
        var scores = Tensor.Zeros([2, 3]);
        using var all = Assert.EnterMultipleScope();
        Assert.That(
            () => new TopKAccuracy().Add(scores, Long(0, 1, 2)),
            Throws.TypeOf<ShapeException>().With.Message.Contains("(2, 3)").And.Message.Contains("(3)")
        );
        Assert.That(
            () => new TopKAccuracy().Add(scores, Long(0, 3)),
            Throws.TypeOf<AttributeException>().With.Message.Contains("label 3 at position 1")
        );
        Assert.That(
            () => new ConfusionMatrix(2).Add(scores, Long(0, 1)),
            Throws.TypeOf<ShapeException>().With.Message.Contains("(rows, 2)")
        );
        Assert.That(
            () => new ConfusionMatrix(3).Add(scores, Tensor.Zeros([2])),
            Throws.TypeOf<DTypeException>().With.Message.Contains("Int64")
        );
        Assert.That(
            () => new CalibrationError().Add(Tensor.Full([1, 2], 3), Long(0)),
            Throws.TypeOf<AttributeException>().With.Message.Contains("Softmax")
        );
    }

    /// <summary>In batches of unequal size.</summary>
    private static void InBatches(Action<Tensor, Tensor> add)
    {
        add(Tensor.From(Scores[..12], [4, 3]), Long(Labels[..4]));
        add(Tensor.From(Scores[12..], [2, 3]), Long(Labels[4..]));
    }

    private static Tensor Long(params long[] values) => Tensor.From(values, [values.Length]);
}
