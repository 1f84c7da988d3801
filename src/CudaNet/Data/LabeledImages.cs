using CudaNet.IO;

namespace CudaNet.Data;

/// <summary>Greyscale images with one class label each.</summary>
/// <param name="Images">Count × Height × Width bytes, rows from the top, 0 background to 255 ink.</param>
/// <param name="Labels">Count class numbers.</param>
/// <param name="Count">How many images.</param>
/// <param name="Height">Rows per image.</param>
/// <param name="Width">Pixels per row.</param>
public sealed record LabeledImages(byte[] Images, byte[] Labels, int Count, int Height, int Width)
{
    /// <summary>A copy of the items from <paramref name="start"/> on.</summary>
    /// <param name="start">The first item.</param>
    /// <param name="count">How many.</param>
    /// <exception cref="ArgumentOutOfRangeException">The range leaves the set.</exception>
    public LabeledImages Slice(int start, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, Count - start);
        int size = Height * Width;
        byte[] images = Images.AsSpan(start * size, count * size).ToArray();
        return new LabeledImages(images, Labels.AsSpan(start, count).ToArray(), count, Height, Width);
    }

    /// <summary>A copy of some items.</summary>
    /// <param name="items">Their places, in the order wanted.</param>
    public LabeledImages Select(IReadOnlyList<int> items)
    {
        int size = Height * Width;
        var images = new byte[items.Count * size];
        var labels = new byte[items.Count];
        for (int i = 0; i < items.Count; i++)
        {
            Images.AsSpan(items[i] * size, size).CopyTo(images.AsSpan(i * size));
            labels[i] = Labels[items[i]];
        }

        return new LabeledImages(images, labels, items.Count, Height, Width);
    }

    /// <summary>A copy of one image.</summary>
    /// <param name="index">From 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such image.</exception>
    public Picture Picture(int index) => new(Slice(index, 1).Images, Width, Height);
}

/// <summary>The two halves of a classification data set.</summary>
/// <param name="Train">To fit on.</param>
/// <param name="Test">To judge by; shares no item with <paramref name="Train"/>.</param>
public sealed record TrainTestImages(LabeledImages Train, LabeledImages Test);
