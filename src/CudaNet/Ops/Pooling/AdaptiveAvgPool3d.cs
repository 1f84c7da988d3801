namespace CudaNet;

/// <summary>The mean of each of output_size windows that cover the input.</summary>
internal sealed class AdaptiveAvgPool3dOp()
    : AvgPoolOp("adaptive_avg_pool3d", axes: 3, PoolKind.Adaptive, "output_size: ints")
{
    public static readonly AdaptiveAvgPool3dOp Instance = new();

    protected override PoolOp Adjoint => AdaptiveAvgPool3dBackwardOp.Instance;
}

/// <summary>The adjoint of <see cref="AdaptiveAvgPool3dOp"/>.</summary>
internal sealed class AdaptiveAvgPool3dBackwardOp()
    : AvgPoolBackwardOp("adaptive_avg_pool3d", axes: 3, PoolKind.Adaptive, "output_size: ints")
{
    public static readonly AdaptiveAvgPool3dBackwardOp Instance = new();

    protected override PoolOp Adjoint => AdaptiveAvgPool3dOp.Instance;
}

/// <summary>Average pooling to a size.</summary>
public static class AdaptiveAvgPool3dExtensions
{
    extension(Tensor input)
    {
        /// <summary>
        /// Volumes (N, C, D, H, W) or (C, D, H, W) averaged to a size, one number or depth, height and width: window i of n covers the positions from
        /// ⌊i·H/n⌋ to before ⌈(i + 1)·H/n⌉.
        /// </summary>
        /// <exception cref="ShapeException">The input is no volume.</exception>
        /// <exception cref="AttributeException">A size is below 1.</exception>
        public Tensor AdaptiveAvgPool3d(params ReadOnlySpan<long> outputSize) =>
            AdaptiveAvgPool3dOp.Instance.Apply([input], Attributes.Of(outputSize));
    }
}
