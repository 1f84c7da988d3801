namespace CudaNet;

/// <summary>The mean of each window of a sliding kernel.</summary>
internal sealed class AvgPool2dOp() : AvgPoolOp("avg_pool2d", axes: 2, PoolKind.Average, Sliding)
{
    public static readonly AvgPool2dOp Instance = new();

    protected override PoolOp Adjoint => AvgPool2dBackwardOp.Instance;
}

/// <summary>The adjoint of <see cref="AvgPool2dOp"/>.</summary>
internal sealed class AvgPool2dBackwardOp()
    : AvgPoolBackwardOp("avg_pool2d", axes: 2, PoolKind.Average, AvgPoolOp.Sliding)
{
    public static readonly AvgPool2dBackwardOp Instance = new();

    protected override PoolOp Adjoint => AvgPool2dOp.Instance;
}

/// <summary>Average pooling.</summary>
public static class AvgPool2dExtensions
{
    extension(Tensor input)
    {
        /// <summary>
        /// The mean of each window of images (N, C, H, W) or (C, H, W). Sizes are one number, or two for height and width.
        /// </summary>
        /// <param name="kernelSize">The extent of a window.</param>
        /// <param name="stride">The step from window to window; that of the kernel when left out.</param>
        /// <param name="padding">How far windows reach over the edges, into zeros; at most half the kernel.</param>
        /// <param name="ceilMode">Whether a last, incomplete window counts.</param>
        /// <param name="countIncludePad">Whether the zeros count in the mean.</param>
        /// <exception cref="ShapeException">The input is no image, or no window fits into it.</exception>
        /// <exception cref="AttributeException">A size is out of its range.</exception>
        public Tensor AvgPool2d(
            ReadOnlySpan<long> kernelSize,
            ReadOnlySpan<long> stride = default,
            ReadOnlySpan<long> padding = default,
            bool ceilMode = false,
            bool countIncludePad = true
        ) =>
            AvgPool2dOp.Instance.Apply(
                [input],
                Attributes.Of(kernelSize, stride, padding.IsEmpty ? [0L] : padding, ceilMode, countIncludePad)
            );
    }
}
