using System.Runtime.CompilerServices;

namespace CudaNet;

/// <summary>Convolution of images.</summary>
internal sealed class Conv2dOp() : ConvOp("conv2d", axes: 2)
{
    public static readonly Conv2dOp Instance = new();

    internal override CpuKernel? Cpu => CpuConv.Forward;
}

/// <summary>The gradient of <see cref="Conv2dOp"/> with respect to its input.</summary>
internal sealed class Conv2dBackwardDataOp() : ConvBackwardDataOp("conv2d_backward_data", axes: 2)
{
    public static readonly Conv2dBackwardDataOp Instance = new();

    internal override CpuKernel? Cpu => CpuConv.BackwardData;
}

/// <summary>The gradient of <see cref="Conv2dOp"/> with respect to its weight.</summary>
internal sealed class Conv2dBackwardFilterOp() : ConvBackwardFilterOp("conv2d_backward_filter", axes: 2)
{
    public static readonly Conv2dBackwardFilterOp Instance = new();

    internal override CpuKernel? Cpu => CpuConv.BackwardFilter;
}

/// <summary>Convolutions of images.</summary>
public static class Conv2dExtensions
{
    extension(Tensor input)
    {
        /// <summary>
        /// The convolution of images, as torch.nn.functional.conv2d: input (N, C, H, W) or (C, H, W), weight (O, C / groups, kH, kW), bias
        /// (O), result (N, O, H', W') with H' = ⌊(H + 2·padding − dilation·(kH − 1) − 1) / stride⌋ + 1, or without N. Padding is with
        /// zeros. Accumulates in f32 (f64 for f64). On the CPU, 3×3 kernels over many channels are computed in tiles of 4×4 results (Winograd),
        /// so an Inf or NaN of the input becomes NaN throughout the tiles that read it.
        /// </summary>
        /// <exception cref="ShapeException">The shapes do not fit.</exception>
        /// <exception cref="AttributeException">A stride, padding, dilation or number of groups is outside its range.</exception>
        [OverloadResolutionPriority(1)]
        public Tensor Conv2d(
            Tensor weight,
            Tensor? bias = null,
            long stride = 1,
            long padding = 0,
            long dilation = 1,
            long groups = 1
        ) => Conv2dOp.Instance.Call(input, weight, bias, [stride], [padding], [dilation], groups);

        /// <summary>The same with a value for each of the two axes, or one for both: <c>stride: [2, 1]</c>.</summary>
        /// <exception cref="ShapeException">The shapes do not fit.</exception>
        /// <exception cref="AttributeException">A stride, padding, dilation or number of groups is outside its range.</exception>
        public Tensor Conv2d(
            Tensor weight,
            Tensor? bias = null,
            ReadOnlySpan<long> stride = default,
            ReadOnlySpan<long> padding = default,
            ReadOnlySpan<long> dilation = default,
            long groups = 1
        ) => Conv2dOp.Instance.Call(input, weight, bias, stride, padding, dilation, groups);
    }
}
