namespace CudaNet.Models;

/// <summary>
/// Filters of image processing as kernels (deep-learning notes, example 3.1), applied to each channel by itself: a depthwise convolution. Like the layers,
/// they are cross-correlations.
/// </summary>
public static class ClassicalFilters
{
    /// <summary>The image itself: a single 1 in the middle of 5 × 5. (The notes print the identity matrix, which blurs along the diagonal.)</summary>
    public static Tensor Identity =>
        Square([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);

    /// <summary>The mean of 5 × 5.</summary>
    public static Tensor Mean => Tensor.Full([5, 5], 1.0 / 25, DType.Float64);

    /// <summary>A blur of 5 × 5 with binomial-like weights that sum to 273.</summary>
    public static Tensor Gaussian =>
        Square([1, 4, 7, 4, 1, 4, 16, 26, 16, 4, 7, 26, 41, 26, 7, 4, 16, 26, 16, 4, 1, 4, 7, 4, 1]) / 273.0;

    /// <summary>The image minus its Laplacian.</summary>
    public static Tensor Sharpen => Square([0, -1, 0, -1, 5, -1, 0, -1, 0]);

    /// <summary>Sobel's derivative along the rows: large at vertical edges.</summary>
    public static Tensor SobelHorizontal => Square([-1, 0, 1, -2, 0, 2, -1, 0, 1]);

    /// <summary>Sobel's derivative along the columns: large at horizontal edges.</summary>
    public static Tensor SobelVertical => SobelHorizontal.T.Contiguous();

    /// <summary>Filters every channel of images; the size stays, and what lies beyond the edges is the edge's own pixels.</summary>
    /// <param name="images">(N, C, H, W).</param>
    /// <param name="kernel">A square with an odd side.</param>
    /// <exception cref="ShapeException">The images have not four axes, or the kernel is no square of an odd side.</exception>
    public static Tensor Apply(Tensor images, Tensor kernel)
    {
        if (images.Rank != 4)
            throw new ShapeException($"ClassicalFilters: expected images of (N, C, H, W), got {images.Shape}");
        if (kernel.Rank != 2 || kernel.Shape[0] != kernel.Shape[1] || kernel.Shape[0] % 2 == 0)
            throw new ShapeException(
                $"ClassicalFilters: expected a square kernel with an odd side, got {kernel.Shape}"
            );
        var (channels, side) = (images.Shape[1], kernel.Shape[0]);
        var margin = side / 2;
        var weight = kernel
            .Cast(images.DType)
            .To(images.Device)
            .Reshape(1, 1, side, side)
            .Expand(channels, 1, side, side)
            .Contiguous();
        var padded = images.Pad([margin, margin, margin, margin], PadMode.Replicate);
        return padded.Conv2d(weight, groups: channels);
    }

    private static Tensor Square(double[] values)
    {
        var side = (long)Math.Sqrt(values.Length);
        return Tensor.From(values, [side, side]);
    }
}
