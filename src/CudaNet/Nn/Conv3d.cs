namespace CudaNet.Nn;

/// <summary>A layer of learned kernels that slide over volumes: (N, C, D, H, W) or (C, D, H, W), as torch.nn.Conv3d.</summary>
public sealed class Conv3d : ForwardConvLayer
{
    /// <summary>A layer with cubic kernels; one value of stride, padding and dilation serves all axes.</summary>
    /// <inheritdoc cref="Conv3d(long, long, ReadOnlySpan{long}, ReadOnlySpan{long}, ReadOnlySpan{long}, ReadOnlySpan{long}, long, bool, PadMode, DType, Device, Generator)"/>
    public Conv3d(
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
            [kernelSize, kernelSize, kernelSize],
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

    /// <summary>A layer with kernels of any size, (depth, height, width); stride, padding and dilation are one value or three.</summary>
    /// <exception cref="AttributeException">The number of groups does not divide both numbers of channels, or there are not three
    /// sides of a kernel.</exception>
    public Conv3d(
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
            Conv3dOp.Instance,
            axes: 3,
            new(nameof(Conv3d), inChannels, outChannels, kernelSize.ToArray())
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
