using System.Runtime.CompilerServices;

namespace CudaNet;

/// <summary>Transposed convolution of volumes.</summary>
internal sealed class ConvTranspose3dOp() : ConvTransposeOp("conv_transpose3d", axes: 3)
{
    public static readonly ConvTranspose3dOp Instance = new();

    internal override CpuKernel? Cpu => CpuConv3d.Transposed;
}

/// <summary>Transposed convolutions of volumes.</summary>
public static class ConvTranspose3dExtensions
{
    extension(Tensor input)
    {
        /// <summary>
        /// The transposed convolution of volumes, as torch.nn.functional.conv_transpose3d: input (N, C, D, H, W) or (C, D, H, W), weight (C, O /
        /// groups, kD, kH, kW), bias (O), result (N, O, D', H', W') with D' = (D − 1)·stride − 2·padding + dilation·(kD − 1) + outputPadding + 1, or
        /// without N. It is the gradient, in its input, of the convolution with this weight.
        /// </summary>
        /// <param name="weight">The kernels.</param>
        /// <param name="bias">One number for each output channel.</param>
        /// <param name="stride">The distance in the output of neighbours in the input.</param>
        /// <param name="padding">What is cut off the result on both sides.</param>
        /// <param name="outputPadding">What is added to it at the end; less than the stride or the dilation.</param>
        /// <param name="groups">Of channels that do not meet.</param>
        /// <param name="dilation">The distance of a kernel's positions.</param>
        /// <exception cref="ShapeException">The shapes do not fit.</exception>
        /// <exception cref="AttributeException">A size or number of groups is outside its range.</exception>
        [OverloadResolutionPriority(1)]
        public Tensor ConvTranspose3d(
            Tensor weight,
            Tensor? bias = null,
            long stride = 1,
            long padding = 0,
            long outputPadding = 0,
            long groups = 1,
            long dilation = 1
        ) =>
            ConvTranspose3dOp.Instance.Call(
                input,
                weight,
                bias,
                [stride],
                [padding],
                [outputPadding],
                groups,
                [dilation]
            );

        /// <summary>The same with a value for each of the three axes, or one for all: <c>stride: [1, 2, 2]</c>.</summary>
        /// <exception cref="ShapeException">The shapes do not fit.</exception>
        /// <exception cref="AttributeException">A size or number of groups is outside its range.</exception>
        public Tensor ConvTranspose3d(
            Tensor weight,
            Tensor? bias = null,
            ReadOnlySpan<long> stride = default,
            ReadOnlySpan<long> padding = default,
            ReadOnlySpan<long> outputPadding = default,
            long groups = 1,
            ReadOnlySpan<long> dilation = default
        ) => ConvTranspose3dOp.Instance.Call(input, weight, bias, stride, padding, outputPadding, groups, dilation);
    }
}
