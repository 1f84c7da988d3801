using CudaNet.Data;
using CudaNet.Random;

namespace CudaNet.Training;

/// <summary>Images and their labels on the device that a step works on.</summary>
/// <param name="Images">(count, height · width) f32, normalised.</param>
/// <param name="Labels">(count) i64 class numbers.</param>
public sealed record ImageBatch(Tensor Images, Tensor Labels) : IBatch
{
    /// <inheritdoc/>
    public int Count => (int)Labels.NumElements;
}

/// <summary>
/// Cuts labelled images into batches. The order of an epoch is a permutation drawn from (seed, epoch) alone, so a run that is resumed
/// in the middle of an epoch sees the same batches.
/// </summary>
public sealed class ImageBatches : IBatches<ImageBatch>
{
    private readonly LabeledImages _data;
    private readonly ulong _seed;
    private readonly bool _shuffle;
    private readonly float[] _pixels;
    private readonly long[] _labels;
    private readonly float[] _levels = new float[256];
    private readonly int[] _order;
    private long _orderedEpoch = -1;

    /// <summary>Batches of a data set.</summary>
    /// <param name="data">The images.</param>
    /// <param name="batchSize">Images per batch; the last batch of an epoch may be smaller.</param>
    /// <param name="shuffle">Whether each epoch has an order of its own.</param>
    /// <param name="seed">What the orders are drawn from.</param>
    /// <param name="mean">Subtracted from pixels in [0, 1].</param>
    /// <param name="deviation">What they are then divided by.</param>
    /// <exception cref="ArgumentException">There are no images, or a number is out of range.</exception>
    public ImageBatches(
        LabeledImages data,
        int batchSize,
        bool shuffle = true,
        ulong seed = 0,
        double mean = 0,
        double deviation = 1
    )
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(deviation);
        if (data.Count == 0)
            throw new ArgumentException("there is no image to train on", nameof(data));
        (_data, _shuffle, _seed) = (data, shuffle, seed);
        BatchSize = Math.Min(batchSize, data.Count);
        _pixels = new float[BatchSize * data.Height * data.Width];
        _labels = new long[BatchSize];
        _order = new int[data.Count];
        for (var level = 0; level < _levels.Length; level++)
            _levels[level] = (float)((level / 255.0 - mean) / deviation);
    }

    /// <summary>Images per batch.</summary>
    public int BatchSize { get; }

    /// <inheritdoc/>
    public int Count => (_data.Count + BatchSize - 1) / BatchSize;

    /// <inheritdoc/>
    public ImageBatch Get(long epoch, int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
        Order(epoch);
        var first = index * BatchSize;
        var count = Math.Min(BatchSize, _data.Count - first);
        var size = _data.Height * _data.Width;
        for (var i = 0; i < count; i++)
        {
            var item = _order[first + i];
            _labels[i] = _data.Labels[item];
            var source = _data.Images.AsSpan(item * size, size);
            var target = _pixels.AsSpan(i * size, size);
            for (var p = 0; p < size; p++)
                target[p] = _levels[source[p]];
        }
        return new ImageBatch(
            Tensor.From<float>(_pixels.AsSpan(0, count * size), new Shape(count, size)),
            Tensor.From<long>(_labels.AsSpan(0, count), new Shape(count))
        );
    }

    /// <summary>Fisher and Yates's permutation, from the stream that belongs to the epoch.</summary>
    private void Order(long epoch)
    {
        var key = _shuffle ? epoch : 0;
        if (key == _orderedEpoch)
            return;
        for (var i = 0; i < _order.Length; i++)
            _order[i] = i;
        if (_shuffle)
        {
            var random = new PhiloxStream(_seed, (ulong)epoch);
            for (var last = _order.Length - 1; last > 0; last--)
            {
                var other = random.NextInt(last + 1);
                (_order[last], _order[other]) = (_order[other], _order[last]);
            }
        }
        _orderedEpoch = key;
    }
}
