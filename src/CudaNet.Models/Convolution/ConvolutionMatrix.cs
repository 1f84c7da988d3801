using CudaNet.Nn;

namespace CudaNet.Models;

/// <summary>
/// A convolution as what it is, a linear map: the sparse matrix W of y = W·x over flattened images, whose repeating diagonals make it a (block) Toeplitz
/// matrix at stride 1. A reference to check kernels with and to look at; its transpose is the transposed convolution.
/// </summary>
public static class ConvolutionMatrix
{
    /// <summary>The matrix of a 2-D convolution, differentiable in the kernel.</summary>
    /// <param name="kernel">(outputs, inputs, kh, kw), as a layer's weight; the layers' convolution is a cross-correlation.</param>
    /// <param name="height">Of the images.</param>
    /// <param name="width">Of the images.</param>
    /// <param name="stride">Of the windows, along both axes.</param>
    /// <param name="padding">Zeros on each side.</param>
    /// <param name="dilation">The distance between the elements of a window.</param>
    /// <returns>(outputs · oh · ow, inputs · height · width).</returns>
    /// <exception cref="ShapeException">The kernel has not four axes, or does not fit.</exception>
    public static Tensor Of2d(
        Tensor kernel,
        long height,
        long width,
        long stride = 1,
        long padding = 0,
        long dilation = 1
    )
    {
        if (kernel.Rank != 4)
            throw new ShapeException($"ConvolutionMatrix: expected (outputs, inputs, kh, kw), got {kernel.Shape}");
        var (outputs, inputs) = (kernel.Shape[0], kernel.Shape[1]);
        var pixels = inputs * height * width;
        // Which elements each window sees, as the patches of the unit images: (pixels, inputs·kh·kw, windows).
        var units = Tensor
            .Eye(pixels, null, kernel.DType, kernel.Device)
            .Reshape(pixels, inputs, height, width)
            .Unfold(kernel.Shape.Dims[2..], [stride], [padding], [dilation]);
        var columns = kernel.Reshape(outputs, -1).MatMul(units);
        return columns.Reshape(pixels, -1).T.Contiguous();
    }

    /// <summary>The matrix of a 1-D convolution, with the options of <see cref="Of2d"/>: (outputs, inputs, k) → (outputs · ol, inputs · length).</summary>
    public static Tensor Of1d(Tensor kernel, long length, long stride = 1, long padding = 0, long dilation = 1)
    {
        if (kernel.Rank != 3)
            throw new ShapeException($"ConvolutionMatrix: expected (outputs, inputs, k), got {kernel.Shape}");
        var (outputs, inputs) = (kernel.Shape[0], kernel.Shape[1]);
        var samples = inputs * length;
        var units = Tensor
            .Eye(samples, null, kernel.DType, kernel.Device)
            .Reshape(samples, inputs, 1, length)
            .Unfold([1, kernel.Shape[2]], [1, stride], [0, padding], [1, dilation]);
        var columns = kernel.Reshape(outputs, -1).MatMul(units);
        return columns.Reshape(samples, -1).T.Contiguous();
    }
}
