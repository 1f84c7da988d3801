using System.Runtime.CompilerServices;

namespace CudaNet;

/// <summary>Transposed convolution of images.</summary>
internal sealed class ConvTranspose2dOp() : ConvTransposeOp("conv_transpose2d", axes: 2)
{
    public static readonly ConvTranspose2dOp Instance = new();

    internal override CpuKernel? Cpu => CpuConv.Transposed;
}

/// <summary>Transposed convolutions of images.</summary>
public static class ConvTranspose2dExtensions
{
    extension(Tensor input)
    {
        /// <summary>
        /// The transposed convolution of images, as torch.nn.functional.conv_transpose2d: input (N, C, H, W) or (C, H, W), weight (C, O /
        /// groups, kH, kW), bias (O), result (N, O, H', W') with H' = (H − 1)·stride − 2·padding + dilation·(kH − 1) + outputPadding + 1, or
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
        public Tensor ConvTranspose2d(
            Tensor weight,
            Tensor? bias = null,
            long stride = 1,
            long padding = 0,
            long outputPadding = 0,
            long groups = 1,
            long dilation = 1
        ) =>
            ConvTranspose2dOp.Instance.Call(
                input,
                weight,
                bias,
                [stride],
                [padding],
                [outputPadding],
                groups,
                [dilation]
            );

        /// <summary>The same with a value for each of the two axes, or one for both: <c>stride: [2, 1]</c>.</summary>
        /// <exception cref="ShapeException">The shapes do not fit.</exception>
        /// <exception cref="AttributeException">A size or number of groups is outside its range.</exception>
        public Tensor ConvTranspose2d(
            Tensor weight,
            Tensor? bias = null,
            ReadOnlySpan<long> stride = default,
            ReadOnlySpan<long> padding = default,
            ReadOnlySpan<long> outputPadding = default,
            long groups = 1,
            ReadOnlySpan<long> dilation = default
        ) => ConvTranspose2dOp.Instance.Call(input, weight, bias, stride, padding, outputPadding, groups, dilation);
    }
}
