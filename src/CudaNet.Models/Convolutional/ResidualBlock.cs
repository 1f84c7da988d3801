using CudaNet.Nn;

namespace CudaNet.Models;

/// <summary>
/// Convolutions with batch normalisation whose result is added to what came in (He, Zhang, Ren, Sun 2016, "Deep residual learning for image
/// recognition"): relu(x + f(x)). Where size or channels change, x goes through a convolution of 1 × 1.
/// </summary>
public abstract class ResidualBlock : Module<Tensor, Tensor>
{
    private readonly (Conv2d Conv, BatchNorm2d Norm)[] _stages;
    private readonly Sequential? _shortcut;

    private protected ResidualBlock(
        long inChannels,
        long stride,
        Generator? generator,
        params ReadOnlySpan<(long Channels, long Kernel, long Stride)> stages
    )
    {
        var channels = inChannels;
        _stages = new (Conv2d, BatchNorm2d)[stages.Length];
        for (var i = 0; i < stages.Length; i++)
        {
            var stage = stages[i];
            var conv = HeConvolution.Create(channels, stage.Channels, stage.Kernel, stage.Stride, generator);
            _stages[i] = (AddModule($"conv{i + 1}", conv), AddModule($"bn{i + 1}", new BatchNorm2d(stage.Channels)));
            channels = stage.Channels;
        }
        OutChannels = channels;
        if (stride != 1 || inChannels != channels)
            _shortcut = AddModule(
                "downsample",
                new Sequential(
                    HeConvolution.Create(inChannels, channels, 1, stride, generator),
                    new BatchNorm2d(channels)
                )
            );
    }

    /// <summary>Channels of what comes out.</summary>
    public long OutChannels { get; }

    /// <inheritdoc/>
    protected override Tensor Forward(Tensor input)
    {
        var branch = input;
        for (var i = 0; i < _stages.Length; i++)
        {
            branch = _stages[i].Norm.Call(_stages[i].Conv.Call(branch));
            if (i < _stages.Length - 1)
                branch = branch.Relu();
        }
        return (branch + (_shortcut?.Call(input) ?? input)).Relu();
    }
}

/// <summary>Two convolutions of 3 × 3: (N, inChannels, H, W) → (N, channels, H / stride, W / stride).</summary>
public sealed class BasicBlock : ResidualBlock
{
    /// <summary>A block whose first convolution has the stride.</summary>
    public BasicBlock(long inChannels, long channels, long stride = 1, Generator? generator = null)
        : base(inChannels, stride, generator, (channels, 3, stride), (channels, 3, 1)) { }
}

/// <summary>
/// Convolutions of 1 × 1, 3 × 3 and 1 × 1, of which the first makes the channels few and the last four times as many:
/// (N, inChannels, H, W) → (N, 4 · channels, H / stride, W / stride). The stride is in the middle, as in PyTorch.
/// </summary>
public sealed class Bottleneck : ResidualBlock
{
    /// <summary>How many times more channels come out than the middle has.</summary>
    public const long Expansion = 4;

    /// <summary>A block.</summary>
    public Bottleneck(long inChannels, long channels, long stride = 1, Generator? generator = null)
        : base(inChannels, stride, generator, (channels, 1, 1), (channels, 3, stride), (Expansion * channels, 1, 1)) { }
}

/// <summary>
/// x + f(x), where f is normalisation, ReLU and convolution in this order, one or several times (He et al. 2016, "Identity mappings in deep
/// residual networks"): what is added passes through no nonlinearity. (N, C, H, W) → (N, C, H, W).
/// </summary>
public sealed class PreActivationBlock : Module<Tensor, Tensor>
{
    private readonly Sequential _branch;

    /// <summary>A block.</summary>
    /// <param name="channels">C, and the channels behind every convolution but the last, which gives C again.</param>
    /// <param name="kernels">The side of each convolution, odd; one for each of <paramref name="channels"/>.</param>
    /// <param name="generator">Draws the first weights.</param>
    /// <exception cref="AttributeException">The two lists differ in length or are empty.</exception>
    public PreActivationBlock(ReadOnlySpan<long> channels, ReadOnlySpan<long> kernels, Generator? generator = null)
    {
        if (channels.Length == 0 || channels.Length != kernels.Length)
            throw new AttributeException(
                $"PreActivationBlock: {channels.Length} channel numbers and {kernels.Length} kernels; give as many of one as of the other, at least one"
            );
        var layers = new List<Module<Tensor, Tensor>>();
        for (var i = 0; i < channels.Length; i++)
        {
            layers.Add(new BatchNorm2d(channels[i]));
            layers.Add(new Relu());
            layers.Add(
                new Conv2d(
                    channels[i],
                    channels[(i + 1) % channels.Length],
                    kernels[i],
                    padding: kernels[i] / 2,
                    generator: generator
                )
            );
        }
        _branch = AddModule("branch", new Sequential([.. layers]));
    }

    /// <inheritdoc/>
    protected override Tensor Forward(Tensor input) => input + _branch.Call(input);
}
