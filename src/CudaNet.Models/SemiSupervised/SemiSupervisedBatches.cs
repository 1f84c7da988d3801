using CudaNet.Data;
using CudaNet.Random;
using CudaNet.Training;

namespace CudaNet.Models;

/// <summary>Few images with labels, and views of many without.</summary>
/// <param name="Images">(N, pixels), augmented.</param>
/// <param name="Labels">(N) i64.</param>
/// <param name="Views">(M, pixels) each: the same images in the same order, augmented each in its own way.</param>
/// <param name="Random">What a method draws from in this step; a copy begins anew.</param>
internal sealed record SemiSupervisedBatch(
    Tensor Images,
    Tensor Labels,
    IReadOnlyList<Tensor> Views,
    PhiloxStream Random
) : IBatch
{
    public int Count => (int)(Labels.NumElements + (Views.Count > 0 ? Views[0].Shape[0] : 0));
}

/// <summary>
/// Batches whose epoch is one pass over the images without labels; those with labels come again and again. Their augmentation runs on threads of its own.
/// </summary>
internal sealed class SemiSupervisedBatches : IBatches<SemiSupervisedBatch>, IDisposable
{
    private readonly PrefetchedBatches<HostImages, ImageBatch> _labeled;
    private readonly List<PrefetchedBatches<HostImages, ImageBatch>> _views;
    private readonly ulong _seed;

    /// <summary>Batches of two sets.</summary>
    /// <param name="labeled">Images whose labels are used.</param>
    /// <param name="labelAugmentation">What is done to them.</param>
    /// <param name="unlabeled">Images whose labels are not passed on.</param>
    /// <param name="viewAugmentations">What is done to these, for each view.</param>
    /// <param name="batchSize">Images with labels per step.</param>
    /// <param name="ratio">How many times as many there are without.</param>
    /// <param name="seed">What order and augmentation are drawn from.</param>
    public SemiSupervisedBatches(
        LabeledImages labeled,
        IAugmentation labelAugmentation,
        LabeledImages unlabeled,
        IReadOnlyList<IAugmentation> viewAugmentations,
        int batchSize,
        int ratio,
        ulong seed
    )
    {
        _seed = seed;
        // Repeated until every batch is full: each label then weighs the same.
        var repeated = Enumerable.Range(0, labeled.Count * batchSize).Select(i => i % labeled.Count).ToList();
        _labeled = new(
            new ImageBatches(
                labeled.Select(repeated),
                batchSize,
                seed: seed,
                augmentation: labelAugmentation,
                augmentationSeed: seed
            ),
            workers: 1
        );
        var size = checked(batchSize * ratio);
        Count = (unlabeled.Count + size - 1) / size;
        _views =
        [
            .. viewAugmentations.Select(
                (augmentation, view) =>
                    new PrefetchedBatches<HostImages, ImageBatch>(
                        new ImageBatches(
                            unlabeled,
                            size,
                            seed: seed + 1,
                            augmentation: augmentation,
                            augmentationSeed: seed + 1 + (ulong)view
                        ),
                        workers: 1
                    )
            ),
        ];
    }

    /// <inheritdoc/>
    public int Count { get; }

    /// <inheritdoc/>
    public SemiSupervisedBatch Get(long epoch, int index)
    {
        var step = epoch * Count + index;
        var labeled = _labeled.Get(step / _labeled.Count, (int)(step % _labeled.Count));
        return new(
            labeled.Images,
            labeled.Labels,
            [.. _views.Select(view => view.Get(epoch, index).Images)],
            // Beside the streams of augmentation, whose items count from 0.
            Augmentation.StreamOf(_seed, epoch, -1 - index)
        );
    }

    /// <summary>Ends the threads.</summary>
    public void Dispose()
    {
        _labeled.Dispose();
        _views.ForEach(view => view.Dispose());
    }
}

/// <summary>The choice of the few images whose labels are used.</summary>
internal static class LabelChoice
{
    /// <summary>As many of each class, at random, in rising order.</summary>
    /// <exception cref="RecipeOptionException">A class has fewer.</exception>
    public static LabeledImages Balanced(LabeledImages images, int perClass, int classes, ulong seed)
    {
        var places = new long[images.Count];
        new EpochOrder(images.Count, seed, shuffle: true).Fill(0, 0, places);
        var byClass = places.Select(place => (int)place).GroupBy(place => images.Labels[place]).ToList();
        if (byClass.Count < classes || byClass.Any(one => one.Count() < perClass))
            throw new RecipeOptionException(
                $"--labels {perClass * classes}: a class has fewer than {perClass} images; choose fewer labels or more data"
            );
        return images.Select([.. byClass.SelectMany(one => one.Take(perClass)).Order()]);
    }
}
