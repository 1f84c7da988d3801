namespace CudaNet;

/// <summary>The mean of each window of a sliding kernel.</summary>
internal sealed class AvgPool3dOp() : AvgPoolOp("avg_pool3d", axes: 3, PoolKind.Average, Sliding)
{
    public static readonly AvgPool3dOp Instance = new();

    protected override PoolOp Adjoint => AvgPool3dBackwardOp.Instance;
}

/// <summary>The adjoint of <see cref="AvgPool3dOp"/>.</summary>
internal sealed class AvgPool3dBackwardOp()
    : AvgPoolBackwardOp("avg_pool3d", axes: 3, PoolKind.Average, AvgPoolOp.Sliding)
{
    public static readonly AvgPool3dBackwardOp Instance = new();

    protected override PoolOp Adjoint => AvgPool3dOp.Instance;
}

/// <summary>Average pooling.</summary>
public static class AvgPool3dExtensions
{
    extension(Tensor input)
    {
        /// <summary>
        /// The mean of each window of volumes (N, C, D, H, W) or (C, D, H, W). Sizes are one number, or three for depth, height and width.
        /// </summary>
        /// <param name="kernelSize">The extent of a window.</param>
        /// <param name="stride">The step from window to window; that of the kernel when left out.</param>
        /// <param name="padding">How far windows reach over the faces, into zeros; at most half the kernel.</param>
        /// <param name="ceilMode">Whether a last, incomplete window counts.</param>
        /// <param name="countIncludePad">Whether the zeros count in the mean.</param>
        /// <exception cref="ShapeException">The input is no volume, or no window fits into it.</exception>
        /// <exception cref="AttributeException">A size is out of its range.</exception>
        public Tensor AvgPool3d(
            ReadOnlySpan<long> kernelSize,
            ReadOnlySpan<long> stride = default,
            ReadOnlySpan<long> padding = default,
            bool ceilMode = false,
            bool countIncludePad = true
        ) =>
            AvgPool3dOp.Instance.Apply(
                [input],
                Attributes.Of(kernelSize, stride, padding.IsEmpty ? [0L] : padding, ceilMode, countIncludePad)
            );
    }
}
