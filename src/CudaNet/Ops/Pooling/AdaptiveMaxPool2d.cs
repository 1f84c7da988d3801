namespace CudaNet;

/// <summary>The largest element of each of output_size windows that cover the input.</summary>
internal sealed class AdaptiveMaxPool2dOp()
    : MaxPoolOp("adaptive_max_pool2d", axes: 2, PoolKind.Adaptive, "output_size: ints")
{
    public static readonly AdaptiveMaxPool2dOp Instance = new();

    protected override PoolOp Adjoint => AdaptiveMaxPool2dBackwardOp.Instance;
}

/// <summary>The adjoint of taking elements by the indices of <see cref="AdaptiveMaxPool2dOp"/>.</summary>
internal sealed class AdaptiveMaxPool2dBackwardOp()
    : MaxPoolBackwardOp("adaptive_max_pool2d", axes: 2, PoolKind.Adaptive, "output_size: ints")
{
    public static readonly AdaptiveMaxPool2dBackwardOp Instance = new();

    protected override PoolOp Adjoint => AdaptiveMaxPool2dOp.Instance;
}

/// <summary>Max pooling to a size.</summary>
public static class AdaptiveMaxPool2dExtensions
{
    extension(Tensor input)
    {
        /// <summary>
        /// The largest elements of images (N, C, H, W) or (C, H, W), brought to a size, one number or height and width: window i of n
        /// covers the positions from ⌊i·H/n⌋ to before ⌈(i + 1)·H/n⌉.
        /// </summary>
        /// <exception cref="ShapeException">The input is no image.</exception>
        /// <exception cref="AttributeException">A size is below 1.</exception>
        public Tensor AdaptiveMaxPool2d(params ReadOnlySpan<long> outputSize) =>
            AdaptiveMaxPool2dOp.Instance.Apply([input], Attributes.Of(outputSize));
    }
}
