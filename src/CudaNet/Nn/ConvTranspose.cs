namespace CudaNet.Nn;

/// <summary>A layer of learned kernels that sequences are composed of, (N, C, L) or (C, L), as torch.nn.ConvTranspose1d.</summary>
public sealed class ConvTranspose1d : TransposedConvLayer
{
    /// <summary>A layer with kernels of one extent; see <see cref="ConvLayer"/>.</summary>
    /// <exception cref="AttributeException">The number of groups does not divide both numbers of channels.</exception>
    public ConvTranspose1d(
        long inChannels,
        long outChannels,
        long kernelSize,
        long stride = 1,
        long padding = 0,
        long outputPadding = 0,
        long groups = 1,
        bool bias = true,
        long dilation = 1,
        DType dtype = DType.Float32,
        Device? device = null,
        Generator? generator = null
    )
        : base(
            ConvTranspose1dOp.Instance,
            axes: 1,
            new(nameof(ConvTranspose1d), inChannels, outChannels, [kernelSize])
            {
                Stride = [stride],
                Padding = [padding],
                OutputPadding = [outputPadding],
                Dilation = [dilation],
                Groups = groups,
                Bias = bias,
                DType = dtype,
                Device = device,
                Generator = generator,
            }
        ) { }
}

/// <summary>A layer of learned kernels that images are composed of, (N, C, H, W) or (C, H, W), as torch.nn.ConvTranspose2d.</summary>
public sealed class ConvTranspose2d : TransposedConvLayer
{
    /// <summary>A layer with kernels of one extent; see <see cref="ConvLayer"/>.</summary>
    /// <exception cref="AttributeException">The number of groups does not divide both numbers of channels.</exception>
    public ConvTranspose2d(
        long inChannels,
        long outChannels,
        long kernelSize,
        long stride = 1,
        long padding = 0,
        long outputPadding = 0,
        long groups = 1,
        bool bias = true,
        long dilation = 1,
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
            [outputPadding],
            groups,
            bias,
            [dilation],
            dtype,
            device,
            generator
        ) { }

    /// <summary>A layer with kernels of any size, a side for each axis; the other lists hold one value or two.</summary>
    /// <exception cref="AttributeException">The number of groups does not divide both numbers of channels, or there are not two
    /// sides of a kernel.</exception>
    public ConvTranspose2d(
        long inChannels,
        long outChannels,
        ReadOnlySpan<long> kernelSize,
        ReadOnlySpan<long> stride = default,
        ReadOnlySpan<long> padding = default,
        ReadOnlySpan<long> outputPadding = default,
        long groups = 1,
        bool bias = true,
        ReadOnlySpan<long> dilation = default,
        DType dtype = DType.Float32,
        Device? device = null,
        Generator? generator = null
    )
        : base(
            ConvTranspose2dOp.Instance,
            axes: 2,
            new(nameof(ConvTranspose2d), inChannels, outChannels, kernelSize.ToArray())
            {
                Stride = stride.ToArray(),
                Padding = padding.ToArray(),
                OutputPadding = outputPadding.ToArray(),
                Dilation = dilation.ToArray(),
                Groups = groups,
                Bias = bias,
                DType = dtype,
                Device = device,
                Generator = generator,
            }
        ) { }
}

/// <summary>A layer of learned kernels that volumes are composed of, (N, C, D, H, W) or (C, D, H, W), as torch.nn.ConvTranspose3d.</summary>
public sealed class ConvTranspose3d : TransposedConvLayer
{
    /// <summary>A layer with kernels of one extent; see <see cref="ConvLayer"/>.</summary>
    /// <exception cref="AttributeException">The number of groups does not divide both numbers of channels.</exception>
    public ConvTranspose3d(
        long inChannels,
        long outChannels,
        long kernelSize,
        long stride = 1,
        long padding = 0,
        long outputPadding = 0,
        long groups = 1,
        bool bias = true,
        long dilation = 1,
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
            [outputPadding],
            groups,
            bias,
            [dilation],
            dtype,
            device,
            generator
        ) { }

    /// <summary>A layer with kernels of any size, a side for each axis; the other lists hold one value or three.</summary>
    /// <exception cref="AttributeException">The number of groups does not divide both numbers of channels, or there are not three
    /// sides of a kernel.</exception>
    public ConvTranspose3d(
        long inChannels,
        long outChannels,
        ReadOnlySpan<long> kernelSize,
        ReadOnlySpan<long> stride = default,
        ReadOnlySpan<long> padding = default,
        ReadOnlySpan<long> outputPadding = default,
        long groups = 1,
        bool bias = true,
        ReadOnlySpan<long> dilation = default,
        DType dtype = DType.Float32,
        Device? device = null,
        Generator? generator = null
    )
        : base(
            ConvTranspose3dOp.Instance,
            axes: 3,
            new(nameof(ConvTranspose3d), inChannels, outChannels, kernelSize.ToArray())
            {
                Stride = stride.ToArray(),
                Padding = padding.ToArray(),
                OutputPadding = outputPadding.ToArray(),
                Dilation = dilation.ToArray(),
                Groups = groups,
                Bias = bias,
                DType = dtype,
                Device = device,
                Generator = generator,
            }
        ) { }
}
