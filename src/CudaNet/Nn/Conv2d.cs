namespace CudaNet.Nn;

/// <summary>A layer of learned kernels that slide over images: (N, C, H, W) or (C, H, W), as torch.nn.Conv2d.</summary>
public sealed class Conv2d : ForwardConvLayer
{
    /// <summary>A layer with square kernels; one value of stride, padding and dilation serves both axes.</summary>
    /// <inheritdoc cref="Conv2d(long, long, ReadOnlySpan{long}, ReadOnlySpan{long}, ReadOnlySpan{long}, ReadOnlySpan{long}, long, bool, PadMode, DType, Device, Generator)"/>
    public Conv2d(
        long inChannels,
        long outChannels,
        long kernelSize,
        long stride = 1,
        long padding = 0,
        long dilation = 1,
        long groups = 1,
        bool bias = true,
        PadMode paddingMode = PadMode.Constant,
        DType dtype = DType.Float32,
        Device? device = null,
        Generator? generator = null
    )
        : this(
            inChannels,
            outChannels,
            [kernelSize, kernelSize],
            [stride],
            [padding],
            [dilation],
            groups,
            bias,
            paddingMode,
            dtype,
            device,
            generator
        ) { }

    /// <summary>A layer with kernels of any size, (height, width); stride, padding and dilation are one value or two.</summary>
    /// <exception cref="AttributeException">The number of groups does not divide both numbers of channels, or there are not two
    /// sides of a kernel.</exception>
    public Conv2d(
        long inChannels,
        long outChannels,
        ReadOnlySpan<long> kernelSize,
        ReadOnlySpan<long> stride = default,
        ReadOnlySpan<long> padding = default,
        ReadOnlySpan<long> dilation = default,
        long groups = 1,
        bool bias = true,
        PadMode paddingMode = PadMode.Constant,
        DType dtype = DType.Float32,
        Device? device = null,
        Generator? generator = null
    )
        : base(
            Conv2dOp.Instance,
            axes: 2,
            new(nameof(Conv2d), inChannels, outChannels, kernelSize.ToArray())
            {
                Stride = stride.ToArray(),
                Padding = padding.ToArray(),
                Dilation = dilation.ToArray(),
                Groups = groups,
                Bias = bias,
                PaddingMode = paddingMode,
                DType = dtype,
                Device = device,
                Generator = generator,
            }
        ) { }
}
