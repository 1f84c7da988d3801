using CudaNet.Data;
using CudaNet.IO;
using CudaNet.Nn;
using CudaNet.Training;

namespace CudaNet.Models;

/// <summary>What a network that classifies pixels makes of some images.</summary>
internal sealed class SegmentationPredictions
{
    private const int BatchSize = 50;

    private SegmentationPredictions(SegmentedImages images, byte[] masks, double loss, int classes)
    {
        (Images, Masks, Loss) = (images, masks, loss);
        Confusion = new long[classes, classes];
        for (var i = 0; i < masks.Length; i++)
            Confusion[images.Masks[i], masks[i]]++;
    }

    public SegmentedImages Images { get; }

    /// <summary>The most probable class of each pixel, as <see cref="SegmentedImages.Masks"/>.</summary>
    public byte[] Masks { get; }

    /// <summary>The mean cross-entropy of a pixel.</summary>
    public double Loss { get; }

    /// <summary>[label, predicted], in pixels.</summary>
    public long[,] Confusion { get; }

    public int Classes => Confusion.GetLength(0);

    /// <summary>The share of pixels whose class is recognised.</summary>
    public double PixelAccuracy => (double)Enumerable.Range(0, Classes).Sum(c => Confusion[c, c]) / Masks.Length;

    /// <summary>The mean of <see cref="IntersectionOverUnion"/> over the classes that occur.</summary>
    public double MeanIoU =>
        Enumerable.Range(0, Classes).Select(IntersectionOverUnion).Where(double.IsFinite).Average();

    /// <summary>Pixels that are of a class and were said to be, over those that are or were; NaN when there are none.</summary>
    public double IntersectionOverUnion(int label)
    {
        long union = -Confusion[label, label];
        for (var other = 0; other < Classes; other++)
            union += Confusion[label, other] + Confusion[other, label];
        return union == 0 ? double.NaN : (double)Confusion[label, label] / union;
    }

    /// <summary>Runs a network over images, in their order.</summary>
    public static SegmentationPredictions Of(Module<Tensor, Tensor> model, SegmentedImages images, int classes)
    {
        var masks = new List<byte>(images.Masks.Length);
        double loss = 0;
        Evaluation.ForEach(
            model,
            Batches(images, BatchSize, shuffle: false),
            batch =>
            {
                var (inputs, labels) = Split(batch);
                var logits = model.Call(inputs);
                loss += logits.CrossEntropy(labels, reduction: Reduction.Sum).Item();
                masks.AddRange(logits.ArgMax(1).Cast(DType.UInt8).ToArray<byte>());
            }
        );
        return new(images, [.. masks], loss / images.Masks.Length, classes);
    }

    public static ArrayBatches Batches(SegmentedImages images, int batchSize, bool shuffle = true, ulong seed = 0) =>
        new(
            [
                new NamedArray("images", DType.UInt8, [images.Count, 1, images.Height, images.Width], images.Images),
                new NamedArray("masks", DType.UInt8, [images.Count, images.Height, images.Width], images.Masks),
            ],
            batchSize,
            shuffle,
            seed
        );

    /// <summary>Pixels in [−1, 1], (N, 1, H, W), and their classes, (N, H, W).</summary>
    public static (Tensor Inputs, Tensor Labels) Split(ArrayBatch batch) =>
        (batch["images"].Cast(DType.Float32).Affine(2 / 255.0, -1), batch["masks"].Cast(DType.Int64));
}
