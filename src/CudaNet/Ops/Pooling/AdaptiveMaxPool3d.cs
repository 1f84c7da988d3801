namespace CudaNet;

/// <summary>The largest element of each of output_size windows that cover the input.</summary>
internal sealed class AdaptiveMaxPool3dOp()
    : MaxPoolOp("adaptive_max_pool3d", axes: 3, PoolKind.Adaptive, "output_size: ints")
{
    public static readonly AdaptiveMaxPool3dOp Instance = new();

    protected override PoolOp Adjoint => AdaptiveMaxPool3dBackwardOp.Instance;
}

/// <summary>The adjoint of taking elements by the indices of <see cref="AdaptiveMaxPool3dOp"/>.</summary>
internal sealed class AdaptiveMaxPool3dBackwardOp()
    : MaxPoolBackwardOp("adaptive_max_pool3d", axes: 3, PoolKind.Adaptive, "output_size: ints")
{
    public static readonly AdaptiveMaxPool3dBackwardOp Instance = new();

    protected override PoolOp Adjoint => AdaptiveMaxPool3dOp.Instance;
}

/// <summary>Max pooling to a size.</summary>
public static class AdaptiveMaxPool3dExtensions
{
    extension(Tensor input)
    {
        /// <summary>
        /// The largest elements of volumes (N, C, D, H, W) or (C, D, H, W), brought to a size, one number or depth, height and width: window i of n
        /// covers the positions from ⌊i·H/n⌋ to before ⌈(i + 1)·H/n⌉.
        /// </summary>
        /// <exception cref="ShapeException">The input is no volume.</exception>
        /// <exception cref="AttributeException">A size is below 1.</exception>
        public Tensor AdaptiveMaxPool3d(params ReadOnlySpan<long> outputSize) =>
            AdaptiveMaxPool3dOp.Instance.Apply([input], Attributes.Of(outputSize));
    }
}
