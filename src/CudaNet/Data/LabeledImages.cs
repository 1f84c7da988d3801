using CudaNet.IO;

namespace CudaNet.Data;

/// <summary>Images of one size with one class label each.</summary>
/// <param name="Images">Count × Channels × Height × Width bytes, rows from the top, 0 dark to 255 bright (for digits: 255 is ink).</param>
/// <param name="Labels">Count class numbers.</param>
/// <param name="Count">How many images.</param>
/// <param name="Height">Rows per image.</param>
/// <param name="Width">Pixels per row.</param>
/// <param name="Channels">1 for greyscale, 3 for planes of red, green and blue.</param>
public sealed record LabeledImages(byte[] Images, byte[] Labels, int Count, int Height, int Width, int Channels = 1)
{
    /// <summary>Bytes of one image: Channels × Height × Width.</summary>
    public int Size => Channels * Height * Width;

    /// <summary>A copy of the items from <paramref name="start"/> on.</summary>
    /// <param name="start">The first item.</param>
    /// <param name="count">How many.</param>
    /// <exception cref="ArgumentOutOfRangeException">The range leaves the set.</exception>
    public LabeledImages Slice(int start, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, Count - start);
        int size = Size;
        byte[] images = Images.AsSpan(start * size, count * size).ToArray();
        return new LabeledImages(images, Labels.AsSpan(start, count).ToArray(), count, Height, Width, Channels);
    }

    /// <summary>A copy of some items.</summary>
    /// <param name="items">Their places, in the order wanted.</param>
    public LabeledImages Select(IReadOnlyList<int> items)
    {
        int size = Size;
        var images = new byte[items.Count * size];
        var labels = new byte[items.Count];
        for (int i = 0; i < items.Count; i++)
        {
            Images.AsSpan(items[i] * size, size).CopyTo(images.AsSpan(i * size));
            labels[i] = Labels[items[i]];
        }

        return new LabeledImages(images, labels, items.Count, Height, Width, Channels);
    }

    /// <summary>A copy of one image.</summary>
    /// <param name="index">From 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such image.</exception>
    public Picture Picture(int index)
    {
        byte[] planes = Slice(index, 1).Images;
        return new(ImageGrid.PlanesToPixels(planes, Channels, Height * Width), Width, Height, Channels);
    }
}

/// <summary>The two halves of a classification data set.</summary>
/// <param name="Train">To fit on.</param>
/// <param name="Test">To judge by; shares no item with <paramref name="Train"/>.</param>
public sealed record TrainTestImages(LabeledImages Train, LabeledImages Test);
