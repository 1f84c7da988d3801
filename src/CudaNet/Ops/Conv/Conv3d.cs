using System.Runtime.CompilerServices;

namespace CudaNet;

/// <summary>Convolution of volumes.</summary>
internal sealed class Conv3dOp() : ConvOp("conv3d", axes: 3)
{
    public static readonly Conv3dOp Instance = new();

    internal override CpuKernel? Cpu => CpuConv3d.Forward;
}

/// <summary>The gradient of <see cref="Conv3dOp"/> with respect to its input.</summary>
internal sealed class Conv3dBackwardDataOp() : ConvBackwardDataOp("conv3d_backward_data", axes: 3)
{
    public static readonly Conv3dBackwardDataOp Instance = new();

    internal override CpuKernel? Cpu => CpuConv3d.BackwardData;
}

/// <summary>The gradient of <see cref="Conv3dOp"/> with respect to its weight.</summary>
internal sealed class Conv3dBackwardFilterOp() : ConvBackwardFilterOp("conv3d_backward_filter", axes: 3)
{
    public static readonly Conv3dBackwardFilterOp Instance = new();

    internal override CpuKernel? Cpu => CpuConv3d.BackwardFilter;
}

/// <summary>Convolutions of volumes.</summary>
public static class Conv3dExtensions
{
    extension(Tensor input)
    {
        /// <summary>
        /// The convolution of volumes, as torch.nn.functional.conv3d: input (N, C, D, H, W) or (C, D, H, W), weight (O, C / groups, kD, kH,
        /// kW), bias (O), result (N, O, D', H', W') or without N, whose extents follow from each axis as those of Conv2d do.
        /// </summary>
        /// <exception cref="ShapeException">The shapes do not fit.</exception>
        /// <exception cref="AttributeException">A stride, padding, dilation or number of groups is outside its range.</exception>
        [OverloadResolutionPriority(1)]
        public Tensor Conv3d(
            Tensor weight,
            Tensor? bias = null,
            long stride = 1,
            long padding = 0,
            long dilation = 1,
            long groups = 1
        ) => Conv3dOp.Instance.Call(input, weight, bias, [stride], [padding], [dilation], groups);

        /// <summary>The same with a value for each of the three axes, or one for all: <c>stride: [1, 2, 2]</c>.</summary>
        /// <exception cref="ShapeException">The shapes do not fit.</exception>
        /// <exception cref="AttributeException">A stride, padding, dilation or number of groups is outside its range.</exception>
        public Tensor Conv3d(
            Tensor weight,
            Tensor? bias = null,
            ReadOnlySpan<long> stride = default,
            ReadOnlySpan<long> padding = default,
            ReadOnlySpan<long> dilation = default,
            long groups = 1
        ) => Conv3dOp.Instance.Call(input, weight, bias, stride, padding, dilation, groups);
    }
}
