namespace CudaNet;

/// <summary>The largest element of each window of a sliding kernel.</summary>
internal sealed class MaxPool3dOp() : MaxPoolOp("max_pool3d", axes: 3, PoolKind.Maximum, Sliding)
{
    public static readonly MaxPool3dOp Instance = new();

    protected override PoolOp Adjoint => MaxPool3dBackwardOp.Instance;
}

/// <summary>The adjoint of taking elements by the indices of <see cref="MaxPool3dOp"/>.</summary>
internal sealed class MaxPool3dBackwardOp()
    : MaxPoolBackwardOp("max_pool3d", axes: 3, PoolKind.Maximum, MaxPoolOp.Sliding)
{
    public static readonly MaxPool3dBackwardOp Instance = new();

    protected override PoolOp Adjoint => MaxPool3dOp.Instance;
}

/// <summary>Max pooling.</summary>
public static class MaxPool3dExtensions
{
    extension(Tensor input)
    {
        /// <summary>
        /// The largest element of each window of volumes (N, C, D, H, W) or (C, D, H, W). Sizes are one number, or three for depth, height and width.
        /// </summary>
        /// <param name="kernelSize">The extent of a window.</param>
        /// <param name="stride">The step from window to window; that of the kernel when left out.</param>
        /// <param name="padding">How far windows reach over the faces; at most half the kernel.</param>
        /// <param name="dilation">The step within a window.</param>
        /// <param name="ceilMode">Whether a last, incomplete window counts.</param>
        /// <exception cref="ShapeException">The input is no volume, or no window fits into it.</exception>
        /// <exception cref="AttributeException">A size is out of its range.</exception>
        public Tensor MaxPool3d(
            ReadOnlySpan<long> kernelSize,
            ReadOnlySpan<long> stride = default,
            ReadOnlySpan<long> padding = default,
            ReadOnlySpan<long> dilation = default,
            bool ceilMode = false
        ) =>
            MaxPool3dOp.Instance.Apply(
                [input],
                MaxPoolOp.SlidingAttributes(kernelSize, stride, padding, dilation, ceilMode)
            );

        /// <summary>The same together with the places of the largest elements in their volumes, (slice · H + row) · W + column, i64.</summary>
        /// <inheritdoc cref="MaxPool3d"/>
        public (Tensor Output, Tensor Indices) MaxPool3dWithIndices(
            ReadOnlySpan<long> kernelSize,
            ReadOnlySpan<long> stride = default,
            ReadOnlySpan<long> padding = default,
            ReadOnlySpan<long> dilation = default,
            bool ceilMode = false
        ) =>
            MaxPool3dOp.Instance.Both(
                input,
                MaxPoolOp.SlidingAttributes(kernelSize, stride, padding, dilation, ceilMode)
            );
    }
}
