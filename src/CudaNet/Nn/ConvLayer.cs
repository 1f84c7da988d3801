namespace CudaNet.Nn;

/// <summary>What describes a layer of sliding kernels; an empty list stands for an op's default.</summary>
internal sealed record ConvSettings(string Name, long InChannels, long OutChannels, long[] KernelSize)
{
    public long[] Stride { get; init; } = [];

    public long[] Padding { get; init; } = [];

    public long[] OutputPadding { get; init; } = [];

    public long[] Dilation { get; init; } = [];

    public long Groups { get; init; } = 1;

    public bool Bias { get; init; } = true;

    public PadMode PaddingMode { get; init; }

    public DType DType { get; init; } = DType.Float32;

    public Device? Device { get; init; }

    public Generator? Generator { get; init; }

    /// <summary>Throws unless the groups divide the channels and a kernel has a side for each axis.</summary>
    public ConvSettings Check(int axes)
    {
        if (Groups < 1 || InChannels % Groups != 0 || OutChannels % Groups != 0)
            throw new AttributeException(
                $"{Name}: {Groups} groups must divide the {InChannels} input and the {OutChannels} output channels"
            );
        if (KernelSize.Length != axes)
            throw new AttributeException(
                $"{Name}: a kernel has {(axes == 2 ? "a height and a width" : "a depth, a height and a width")}; got ({string.Join(", ", KernelSize)})"
            );
        return this;
    }
}

/// <summary>
/// A layer of learned kernels that slide: <see cref="Conv1d"/>, <see cref="Conv2d"/>, <see cref="Conv3d"/> and their transposes. Weight
/// and bias start uniform on ±1/√(channels of a kernel · its positions), as PyTorch's do (kaiming_uniform with a = √5).
/// </summary>
public abstract class ConvLayer : Module<Tensor, Tensor>
{
    private protected ConvLayer(ConvSettings settings, long first, long second)
    {
        Settings = settings;
        var shape = new Shape([first, second / settings.Groups, .. settings.KernelSize]);
        var terms = new Shape(shape.Dims[1..]).NumElements;
        var bound = terms > 0 ? 1 / Math.Sqrt(terms) : 0;
        Weight = AddParameter("weight", Draw(shape));
        if (settings.Bias)
            Bias = AddParameter("bias", Draw([settings.OutChannels]));

        Tensor Draw(Shape of) => Tensor.Rand(of, -bound, bound, settings.DType, settings.Device, settings.Generator);
    }

    private protected ConvSettings Settings { get; }

    /// <summary>The kernels: (outChannels, inChannels / groups, …), of a transposed convolution (inChannels, outChannels / groups, …).</summary>
    public Tensor Weight { get; }

    /// <summary>(outChannels), or null.</summary>
    public Tensor? Bias { get; }
}

/// <summary>A convolution, whose padding is zeros in constant mode and what <see cref="PadMode"/> says in the others.</summary>
public abstract class ForwardConvLayer : ConvLayer
{
    private readonly ConvOp _op;
    private readonly long[] _sides = [];

    private protected ForwardConvLayer(ConvOp op, int axes, ConvSettings settings)
        : base(settings.Check(axes), settings.OutChannels, settings.InChannels)
    {
        _op = op;
        if (settings.PaddingMode == PadMode.Constant || settings.Padding.Length == 0)
            return;
        _sides = new long[2 * axes];
        for (var axis = 0; axis < axes; axis++)
        {
            var amount = settings.Padding[settings.Padding.Length == 1 ? 0 : axis];
            _sides[2 * (axes - 1 - axis)] = _sides[2 * (axes - 1 - axis) + 1] = amount;
        }
    }

    /// <inheritdoc/>
    protected override Tensor Forward(Tensor input)
    {
        var padded = _sides.Length > 0;
        return _op.Call(
            padded ? input.Pad(_sides, Settings.PaddingMode) : input,
            Weight,
            Bias,
            Settings.Stride,
            padded ? [] : Settings.Padding,
            Settings.Dilation,
            Settings.Groups
        );
    }
}

/// <summary>A transposed convolution.</summary>
public abstract class TransposedConvLayer : ConvLayer
{
    private readonly ConvTransposeOp _op;

    private protected TransposedConvLayer(ConvTransposeOp op, int axes, ConvSettings settings)
        : base(settings.Check(axes), settings.InChannels, settings.OutChannels) => _op = op;

    /// <inheritdoc/>
    protected override Tensor Forward(Tensor input) =>
        _op.Call(
            input,
            Weight,
            Bias,
            Settings.Stride,
            Settings.Padding,
            Settings.OutputPadding,
            Settings.Groups,
            Settings.Dilation
        );
}
