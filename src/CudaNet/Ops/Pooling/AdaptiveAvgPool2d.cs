namespace CudaNet;

/// <summary>The mean of each of output_size windows that cover the input.</summary>
internal sealed class AdaptiveAvgPool2dOp()
    : AvgPoolOp("adaptive_avg_pool2d", axes: 2, PoolKind.Adaptive, "output_size: ints")
{
    public static readonly AdaptiveAvgPool2dOp Instance = new();

    protected override PoolOp Adjoint => AdaptiveAvgPool2dBackwardOp.Instance;
}

/// <summary>The adjoint of <see cref="AdaptiveAvgPool2dOp"/>.</summary>
internal sealed class AdaptiveAvgPool2dBackwardOp()
    : AvgPoolBackwardOp("adaptive_avg_pool2d", axes: 2, PoolKind.Adaptive, "output_size: ints")
{
    public static readonly AdaptiveAvgPool2dBackwardOp Instance = new();

    protected override PoolOp Adjoint => AdaptiveAvgPool2dOp.Instance;
}

/// <summary>Average pooling to a size.</summary>
public static class AdaptiveAvgPool2dExtensions
{
    extension(Tensor input)
    {
        /// <summary>
        /// Images (N, C, H, W) or (C, H, W) averaged to a size, one number or height and width: window i of n covers the positions from
        /// ⌊i·H/n⌋ to before ⌈(i + 1)·H/n⌉.
        /// </summary>
        /// <exception cref="ShapeException">The input is no image.</exception>
        /// <exception cref="AttributeException">A size is below 1.</exception>
        public Tensor AdaptiveAvgPool2d(params ReadOnlySpan<long> outputSize) =>
            AdaptiveAvgPool2dOp.Instance.Apply([input], Attributes.Of(outputSize));
    }
}
