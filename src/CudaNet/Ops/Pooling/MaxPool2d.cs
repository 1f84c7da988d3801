namespace CudaNet;

/// <summary>The largest element of each window of a sliding kernel.</summary>
internal sealed class MaxPool2dOp() : MaxPoolOp("max_pool2d", axes: 2, PoolKind.Maximum, Sliding)
{
    public static readonly MaxPool2dOp Instance = new();

    protected override PoolOp Adjoint => MaxPool2dBackwardOp.Instance;
}

/// <summary>The adjoint of taking elements by the indices of <see cref="MaxPool2dOp"/>.</summary>
internal sealed class MaxPool2dBackwardOp()
    : MaxPoolBackwardOp("max_pool2d", axes: 2, PoolKind.Maximum, MaxPoolOp.Sliding)
{
    public static readonly MaxPool2dBackwardOp Instance = new();

    protected override PoolOp Adjoint => MaxPool2dOp.Instance;
}

/// <summary>Max pooling.</summary>
public static class MaxPool2dExtensions
{
    extension(Tensor input)
    {
        /// <summary>
        /// The largest element of each window of images (N, C, H, W) or (C, H, W). Sizes are one number, or two for height and width.
        /// </summary>
        /// <param name="kernelSize">The extent of a window.</param>
        /// <param name="stride">The step from window to window; that of the kernel when left out.</param>
        /// <param name="padding">How far windows reach over the edges; at most half the kernel.</param>
        /// <param name="dilation">The step within a window.</param>
        /// <param name="ceilMode">Whether a last, incomplete window counts.</param>
        /// <exception cref="ShapeException">The input is no image, or no window fits into it.</exception>
        /// <exception cref="AttributeException">A size is out of its range.</exception>
        public Tensor MaxPool2d(
            ReadOnlySpan<long> kernelSize,
            ReadOnlySpan<long> stride = default,
            ReadOnlySpan<long> padding = default,
            ReadOnlySpan<long> dilation = default,
            bool ceilMode = false
        ) =>
            MaxPool2dOp.Instance.Apply(
                [input],
                MaxPoolOp.SlidingAttributes(kernelSize, stride, padding, dilation, ceilMode)
            );

        /// <summary>The same together with the places of the largest elements in their planes, row · W + column, i64.</summary>
        /// <inheritdoc cref="MaxPool2d"/>
        public (Tensor Output, Tensor Indices) MaxPool2dWithIndices(
            ReadOnlySpan<long> kernelSize,
            ReadOnlySpan<long> stride = default,
            ReadOnlySpan<long> padding = default,
            ReadOnlySpan<long> dilation = default,
            bool ceilMode = false
        ) =>
            MaxPool2dOp.Instance.Both(
                input,
                MaxPoolOp.SlidingAttributes(kernelSize, stride, padding, dilation, ceilMode)
            );
    }
}
