using CudaNet.Data;
using CudaNet.Nn;
using CudaNet.Training;

namespace CudaNet.Models;

/// <summary>What a classifier makes of some images: the logarithm of the probability of each class.</summary>
internal sealed class DigitPredictions
{
    // Only the forward pass runs on these images, so the batch is as large as it pays.
    private const int BatchSize = 500;

    private readonly float[] _logProbabilities;
    private readonly byte[] _labels;

    private DigitPredictions(float[] logProbabilities, byte[] labels) =>
        (_logProbabilities, _labels) = (logProbabilities, labels);

    /// <summary>Runs a network over images, in their order.</summary>
    public static DigitPredictions Of(Module<Tensor, Tensor> model, LabeledImages images)
    {
        var results = new List<float>(images.Count * DigitTraining.Classes);
        Evaluation.ForEach(
            model,
            new ImageBatches(images, BatchSize, shuffle: false),
            batch => results.AddRange(model.Call(batch.Images).LogSoftmax(1).ToArray<float>())
        );
        return new([.. results], images.Labels);
    }

    public int Count => _labels.Length;

    /// <summary>The mean cross-entropy.</summary>
    public double Loss => Enumerable.Range(0, Count).Average(i => -(double)Of(i)[_labels[i]]);

    /// <summary>The share of images that are recognised.</summary>
    public double Accuracy => (double)Enumerable.Range(0, Count).Count(IsRight) / Count;

    public bool IsRight(int image) => Best(image) == _labels[image];

    /// <summary>The images that are not recognised, beginning with those of which the network was surest.</summary>
    public IReadOnlyList<int> Mistakes() =>
        [.. Enumerable.Range(0, Count).Where(i => !IsRight(i)).OrderByDescending(i => Probability(i, Best(i)))];

    /// <summary>The most probable class.</summary>
    public int Best(int image)
    {
        var values = Of(image);
        var best = 0;
        for (var i = 1; i < values.Length; i++)
            if (values[i] > values[best])
                best = i;
        return best;
    }

    public double Probability(int image, int label) => Math.Exp(Of(image)[label]);

    /// <summary>[label, predicted].</summary>
    public long[,] Confusion()
    {
        var counts = new long[DigitTraining.Classes, DigitTraining.Classes];
        for (var i = 0; i < Count; i++)
            counts[_labels[i], Best(i)]++;
        return counts;
    }

    private ReadOnlySpan<float> Of(int image) =>
        _logProbabilities.AsSpan(image * DigitTraining.Classes, DigitTraining.Classes);
}
