using CudaNet.Nn;

namespace CudaNet.Models;

/// <summary>Blocks of one size in a <see cref="ResNet"/>.</summary>
/// <param name="Channels">Of each block, before a bottleneck's expansion.</param>
/// <param name="Blocks">How many.</param>
/// <param name="Stride">Of the first block.</param>
public sealed record ResNetStage(long Channels, int Blocks, long Stride);

/// <summary>
/// Residual networks (He, Zhang, Ren, Sun 2016): a convolution, stages of residual blocks, the mean over all positions, and a linear layer.
/// (N, inChannels, H, W) → (N, classes) logits. Names and shapes of the state dictionary are torchvision's.
/// </summary>
public sealed class ResNet : Module<Tensor, Tensor>, IGlobalAverageClassifier
{
    private readonly Conv2d _conv;
    private readonly BatchNorm2d _norm;
    private readonly MaxPool2d? _pool;
    private readonly Sequential[] _stages;

    /// <summary>A network.</summary>
    /// <param name="stages">The stages in order, at least one.</param>
    /// <param name="bottleneck">Whether the blocks are <see cref="Bottleneck"/>s rather than <see cref="BasicBlock"/>s.</param>
    /// <param name="classes">Logits.</param>
    /// <param name="inChannels">Channels of the images.</param>
    /// <param name="imageNetStem">
    /// Whether to begin with a convolution of 7 × 7 and a pooling of 3 × 3, each with stride 2, rather than with a convolution of 3 × 3 that keeps the
    /// size.
    /// </param>
    /// <param name="generator">Draws the first weights.</param>
    public ResNet(
        IReadOnlyList<ResNetStage> stages,
        bool bottleneck,
        long classes,
        long inChannels = 3,
        bool imageNetStem = true,
        Generator? generator = null
    )
    {
        var channels = stages[0].Channels;
        var (kernel, stride) = imageNetStem ? (7, 2) : (3, 1);
        _conv = AddModule("conv1", HeConvolution.Create(inChannels, channels, kernel, stride, generator));
        _norm = AddModule("bn1", new BatchNorm2d(channels));
        if (imageNetStem)
            _pool = AddModule("maxpool", new MaxPool2d(3, 2, 1));
        _stages = new Sequential[stages.Count];
        for (var s = 0; s < stages.Count; s++)
        {
            var blocks = new ResidualBlock[stages[s].Blocks];
            for (var b = 0; b < blocks.Length; b++)
            {
                var step = b == 0 ? stages[s].Stride : 1;
                blocks[b] = bottleneck
                    ? new Bottleneck(channels, stages[s].Channels, step, generator)
                    : new BasicBlock(channels, stages[s].Channels, step, generator);
                channels = blocks[b].OutChannels;
            }
            _stages[s] = AddModule($"layer{s + 1}", new Sequential(blocks));
        }
        Classifier = AddModule("fc", new Linear(channels, classes, generator: generator));
    }

    /// <summary>18 layers, for images of about 224 × 224: 11,689,512 parameters with 1,000 classes.</summary>
    public static ResNet ResNet18(long classes = 1000, Generator? generator = null) =>
        new(ImageNetStages(2, 2, 2, 2), bottleneck: false, classes, generator: generator);

    /// <summary>34 layers: 21,797,672 parameters with 1,000 classes.</summary>
    public static ResNet ResNet34(long classes = 1000, Generator? generator = null) =>
        new(ImageNetStages(3, 4, 6, 3), bottleneck: false, classes, generator: generator);

    /// <summary>50 layers, with bottlenecks: 25,557,032 parameters with 1,000 classes.</summary>
    public static ResNet ResNet50(long classes = 1000, Generator? generator = null) =>
        new(ImageNetStages(3, 4, 6, 3), bottleneck: true, classes, generator: generator);

    /// <summary>
    /// 18 layers for images of about 28 × 28 of one channel: the blocks of <see cref="ResNet18"/>, narrower, and with feature maps of 7 × 7 in the end.
    /// </summary>
    public static ResNet Small18(long classes = 10, long inChannels = 1, Generator? generator = null) =>
        new(
            [new(16, 2, 1), new(32, 2, 2), new(64, 2, 2), new(64, 2, 1)],
            bottleneck: false,
            classes,
            inChannels,
            imageNetStem: false,
            generator
        );

    /// <summary>The last stage.</summary>
    public Module<Tensor, Tensor> FeatureMaps => _stages[^1];

    /// <inheritdoc/>
    public Linear Classifier { get; }

    /// <inheritdoc/>
    protected override Tensor Forward(Tensor input)
    {
        var maps = _norm.Call(_conv.Call(input)).Relu();
        if (_pool is not null)
            maps = _pool.Call(maps);
        foreach (var stage in _stages)
            maps = stage.Call(maps);
        return Classifier.Call(maps.Mean([2, 3]));
    }

    private static ResNetStage[] ImageNetStages(params ReadOnlySpan<int> blocks) =>
        [new(64, blocks[0], 1), new(128, blocks[1], 2), new(256, blocks[2], 2), new(512, blocks[3], 2)];
}
