namespace CudaNet.Nn;

/// <summary>A layer of learned kernels that slide over images: (N, C, H, W) or (C, H, W), as torch.nn.Conv2d.</summary>
public sealed class Conv2d : Module<Tensor, Tensor>
{
    private readonly long[] _stride;
    private readonly long[] _padding;
    private readonly long[] _dilation;
    private readonly long _groups;
    private readonly PadMode _paddingMode;

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

    /// <summary>
    /// A layer with kernels of any size, (height, width); stride, padding and dilation are one value or two. Weight and bias start
    /// uniform on ±1/√(inChannels / groups · height · width), as PyTorch's do (kaiming_uniform with a = √5). The padding is zeros in
    /// constant mode, and what <see cref="PadMode"/> says in the others.
    /// </summary>
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
    {
        if (groups < 1 || inChannels % groups != 0 || outChannels % groups != 0)
            throw new AttributeException(
                $"Conv2d: {groups} groups must divide the {inChannels} input and the {outChannels} output channels"
            );
        if (kernelSize.Length != 2)
            throw new AttributeException(
                $"Conv2d: a kernel has a height and a width; got ({string.Join(", ", kernelSize.ToArray())})"
            );
        (_stride, _padding, _dilation, _groups) = (stride.ToArray(), padding.ToArray(), dilation.ToArray(), groups);
        _paddingMode = paddingMode;
        var shape = new Shape(outChannels, inChannels / groups, kernelSize[0], kernelSize[1]);
        var terms = shape[1] * shape[2] * shape[3];
        var bound = terms > 0 ? 1 / Math.Sqrt(terms) : 0;
        Weight = AddParameter("weight", Tensor.Rand(shape, -bound, bound, dtype, device, generator));
        if (bias)
            Bias = AddParameter("bias", Tensor.Rand([outChannels], -bound, bound, dtype, device, generator));
    }

    /// <summary>(outChannels, inChannels / groups, height, width).</summary>
    public Tensor Weight { get; }

    /// <summary>(outChannels), or null.</summary>
    public Tensor? Bias { get; }

    /// <inheritdoc/>
    protected override Tensor Forward(Tensor input)
    {
        if (_paddingMode == PadMode.Constant || _padding.Length == 0)
            return input.Conv2d(Weight, Bias, _stride, _padding, _dilation, _groups);
        var (height, width) = (_padding[0], _padding[^1]);
        var padded = input.Pad([width, width, height, height], _paddingMode);
        return padded.Conv2d(Weight, Bias, _stride, [0], _dilation, _groups);
    }
}
