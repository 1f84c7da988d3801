using CudaNet.Data;

namespace CudaNet.Training;

/// <summary>Images and their labels on the device that a step works on.</summary>
/// <param name="Images">(count, channels · height · width) f32, normalised.</param>
/// <param name="Labels">(count) i64 class numbers.</param>
public sealed record ImageBatch(Tensor Images, Tensor Labels) : IBatch
{
    /// <inheritdoc/>
    public int Count => (int)Labels.NumElements;
}

/// <summary>Images and labels on the host, before they become a batch.</summary>
public sealed class HostImages
{
    internal HostImages(int items, int channels, int height, int width)
    {
        Pixels = new float[items * channels * height * width];
        Labels = new long[items];
        Places = new long[items];
        Canvas = new ImageCanvas(channels, height, width);
    }

    internal float[] Pixels { get; }

    internal long[] Labels { get; }

    internal long[] Places { get; }

    internal ImageCanvas Canvas { get; }

    internal int Count { get; set; }
}

/// <summary>
/// Cuts labelled images into batches. The order of an epoch and what augmentation does to an image are functions of (seed, epoch) and of the image's place, so a run
/// that is resumed in the middle of an epoch sees the same batches.
/// </summary>
public sealed class ImageBatches : BatchSource<HostImages, ImageBatch>
{
    private readonly LabeledImages _data;
    private readonly EpochOrder _order;
    private readonly Curriculum? _curriculum;
    private readonly ulong _augmentationSeed;
    private readonly IAugmentation? _augmentation;
    private readonly float[] _levels = new float[256];
    private readonly float[] _shares = new float[256];
    private readonly float _scale;
    private readonly float _shift;

    /// <summary>Batches of a data set.</summary>
    /// <param name="data">The images.</param>
    /// <param name="batchSize">Images per batch; the last batch of an epoch may be smaller.</param>
    /// <param name="shuffle">Whether each epoch has an order of its own.</param>
    /// <param name="seed">What the orders are drawn from.</param>
    /// <param name="mean">Subtracted from pixels in [0, 1].</param>
    /// <param name="deviation">What they are then divided by.</param>
    /// <param name="augmentation">What is done to each image before that, anew in each epoch; null for nothing.</param>
    /// <param name="augmentationSeed">What augmentation draws from; two sources with the same order and different ones give two views of the same images.</param>
    /// <param name="curriculum">Which images a step draws from, instead of each once per epoch; null for that. An image may then come twice in an epoch, augmented in the same way.</param>
    /// <exception cref="ArgumentException">There are no images, a number is out of range, or the curriculum is of other images.</exception>
    public ImageBatches(
        LabeledImages data,
        int batchSize,
        bool shuffle = true,
        ulong seed = 0,
        double mean = 0,
        double deviation = 1,
        IAugmentation? augmentation = null,
        ulong augmentationSeed = 0,
        Curriculum? curriculum = null
    )
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(deviation);
        if (data.Count == 0)
            throw new ArgumentException("there is no image to train on", nameof(data));
        if (curriculum is { } other && other.Count != data.Count)
            throw new ArgumentException($"it is of {other.Count} images; expected {data.Count}", nameof(curriculum));
        _curriculum = curriculum;
        (_data, _augmentation, _augmentationSeed) = (data, augmentation, augmentationSeed);
        _order = new EpochOrder(data.Count, seed, shuffle);
        BatchSize = Math.Min(batchSize, data.Count);
        (_scale, _shift) = ((float)(1 / deviation), (float)(-mean / deviation));
        for (var level = 0; level < _levels.Length; level++)
        {
            _shares[level] = level / 255f;
            _levels[level] = (float)((level / 255.0 - mean) / deviation);
        }
    }

    /// <summary>Images per batch.</summary>
    public int BatchSize { get; }

    /// <inheritdoc/>
    public override int Count => (_data.Count + BatchSize - 1) / BatchSize;

    /// <inheritdoc/>
    protected override HostImages Allocate() => new(BatchSize, _data.Channels, _data.Height, _data.Width);

    /// <inheritdoc/>
    protected override void Prepare(long epoch, int index, HostImages host)
    {
        var first = index * BatchSize;
        host.Count = Math.Min(BatchSize, _data.Count - first);
        if (_curriculum is { } curriculum)
            curriculum.Fill(epoch * Count + index, host.Places.AsSpan(0, host.Count));
        else
            _order.Fill(epoch, first, host.Places.AsSpan(0, host.Count));
        var size = _data.Size;
        for (var i = 0; i < host.Count; i++)
        {
            var item = (int)host.Places[i];
            host.Labels[i] = _data.Labels[item];
            var source = _data.Images.AsSpan(item * size, size);
            var target = host.Pixels.AsSpan(i * size, size);
            if (_augmentation is null)
                Look(source, _levels, target);
            else
                Augment(source, host.Canvas, epoch, item, target);
        }
    }

    /// <inheritdoc/>
    protected override ImageBatch Upload(HostImages host) =>
        new(
            Tensor.From<float>(host.Pixels.AsSpan(0, host.Count * _data.Size), new Shape(host.Count, _data.Size)),
            Tensor.From<long>(host.Labels.AsSpan(0, host.Count), new Shape(host.Count))
        );

    private void Augment(ReadOnlySpan<byte> source, ImageCanvas canvas, long epoch, int item, Span<float> target)
    {
        Look(source, _shares, canvas.Pixels);
        var random = Augmentation.StreamOf(_augmentationSeed, epoch, item);
        _augmentation!.Apply(canvas, ref random);
        var pixels = canvas.Pixels;
        for (var p = 0; p < target.Length; p++)
            target[p] = pixels[p] * _scale + _shift;
    }

    private static void Look(ReadOnlySpan<byte> source, float[] levels, Span<float> target)
    {
        for (var p = 0; p < source.Length; p++)
            target[p] = levels[source[p]];
    }
}
