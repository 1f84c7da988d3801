namespace CudaNet.Data;

/// <summary>An image that augmentations change where it is, with room beside it for what needs the old pixels.</summary>
public sealed class ImageCanvas
{
    private float[] _pixels;
    private float[] _spare;

    /// <summary>A black image.</summary>
    /// <param name="channels">Planes, at least 1; three are red, green and blue.</param>
    /// <param name="height">Rows, at least 1.</param>
    /// <param name="width">Pixels per row, at least 1.</param>
    public ImageCanvas(int channels, int height, int width)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(channels, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        (Channels, Height, Width) = (channels, height, width);
        _pixels = new float[checked(channels * height * width)];
        _spare = new float[_pixels.Length];
    }

    /// <summary>Planes.</summary>
    public int Channels { get; }

    /// <summary>Rows.</summary>
    public int Height { get; }

    /// <summary>Pixels per row.</summary>
    public int Width { get; }

    /// <summary>Channels × height × width values, 0 dark to 1 bright, rows from the top.</summary>
    public Span<float> Pixels => _pixels;

    /// <summary>One plane of <see cref="Pixels"/>.</summary>
    public Span<float> Plane(int channel) => _pixels.AsSpan(channel * Height * Width, Height * Width);

    /// <summary>As many values as <see cref="Pixels"/>, whatever they are; <see cref="Swap"/> makes them the image.</summary>
    internal Span<float> Spare => _spare;

    internal void Swap() => (_pixels, _spare) = (_spare, _pixels);
}
