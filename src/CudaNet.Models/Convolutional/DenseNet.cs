using CudaNet.Nn;

namespace CudaNet.Models;

/// <summary>
/// Normalisation, ReLU and a convolution of 1 × 1 that makes the channels few, then the same with one of 3 × 3:
/// (N, inChannels, H, W) → (N, growth, H, W).
/// </summary>
public sealed class DenseLayer : Module<Tensor, Tensor>
{
    private readonly BatchNorm2d _norm1;
    private readonly Conv2d _conv1;
    private readonly BatchNorm2d _norm2;
    private readonly Conv2d _conv2;

    /// <summary>A layer.</summary>
    /// <param name="inChannels">Channels of the input.</param>
    /// <param name="growth">Channels that it adds.</param>
    /// <param name="width">The channels between its convolutions are this many times as many.</param>
    /// <param name="generator">Draws the first weights.</param>
    public DenseLayer(long inChannels, long growth, long width = 4, Generator? generator = null)
    {
        _norm1 = AddModule("norm1", new BatchNorm2d(inChannels));
        _conv1 = AddModule("conv1", HeConvolution.Create(inChannels, width * growth, 1, 1, generator));
        _norm2 = AddModule("norm2", new BatchNorm2d(width * growth));
        _conv2 = AddModule("conv2", HeConvolution.Create(width * growth, growth, 3, 1, generator));
    }

    /// <inheritdoc/>
    protected override Tensor Forward(Tensor input) =>
        _conv2.Call(_norm2.Call(_conv1.Call(_norm1.Call(input).Relu())).Relu());
}

/// <summary>
/// Layers each of which reads what came in together with what all earlier layers made: (N, inChannels, H, W) → (N, inChannels + layers · growth, H, W)
/// (Huang, Liu, van der Maaten, Weinberger 2017, "Densely connected convolutional networks").
/// </summary>
public sealed class DenseBlock : Module<Tensor, Tensor>
{
    private readonly DenseLayer[] _layers;

    /// <summary>A block.</summary>
    public DenseBlock(long inChannels, int layers, long growth, long width = 4, Generator? generator = null)
    {
        _layers = new DenseLayer[layers];
        for (var i = 0; i < layers; i++)
            _layers[i] = AddModule(
                $"denselayer{i + 1}",
                new DenseLayer(inChannels + i * growth, growth, width, generator)
            );
    }

    /// <inheritdoc/>
    protected override Tensor Forward(Tensor input)
    {
        foreach (var layer in _layers)
            input = Tensor.Concat([input, layer.Call(input)], 1);
        return input;
    }
}

/// <summary>
/// Dense networks (Huang, Liu, van der Maaten, Weinberger 2017): dense blocks with halvings of channels and size between them, the mean over all
/// positions, and a linear layer. (N, inChannels, H, W) → (N, classes) logits. Names and shapes of the state dictionary are torchvision's.
/// </summary>
public sealed class DenseNet : Module<Tensor, Tensor>, IGlobalAverageClassifier
{
    private readonly NamedSequential _features = new();

    /// <summary>A network.</summary>
    /// <param name="layers">Of each block.</param>
    /// <param name="growth">Channels that a layer adds.</param>
    /// <param name="firstChannels">Channels of the first convolution.</param>
    /// <param name="classes">Logits.</param>
    /// <param name="inChannels">Channels of the images.</param>
    /// <param name="imageNetStem">Whether to begin with a convolution of 7 × 7 and a pooling of 3 × 3, each with stride 2, rather than with a convolution of
    /// 3 × 3 and a pooling of 2 × 2.</param>
    /// <param name="generator">Draws the first weights.</param>
    public DenseNet(
        IReadOnlyList<int> layers,
        long growth,
        long firstChannels,
        long classes,
        long inChannels = 3,
        bool imageNetStem = true,
        Generator? generator = null
    )
    {
        var channels = firstChannels;
        var (kernel, stride) = imageNetStem ? (7, 2) : (3, 1);
        _features.Add("conv0", HeConvolution.Create(inChannels, channels, kernel, stride, generator));
        _features.Add("norm0", new BatchNorm2d(channels));
        _features.Add("relu0", new Relu());
        _features.Add("pool0", imageNetStem ? new MaxPool2d(3, 2, 1) : new MaxPool2d(2));
        for (var b = 0; b < layers.Count; b++)
        {
            _features.Add($"denseblock{b + 1}", new DenseBlock(channels, layers[b], growth, generator: generator));
            channels += layers[b] * growth;
            if (b == layers.Count - 1)
                break;
            _features.Add($"transition{b + 1}", Transition(channels, channels / 2, generator));
            channels /= 2;
        }
        _features.Add($"norm{layers.Count + 1}", new BatchNorm2d(channels));
        _features.Add($"relu{layers.Count + 1}", new Relu());
        AddModule("features", _features);
        Classifier = AddModule("classifier", new Linear(channels, classes, generator: generator));
    }

    /// <summary>121 layers, for images of about 224 × 224: 7,978,856 parameters with 1,000 classes.</summary>
    public static DenseNet DenseNet121(long classes = 1000, Generator? generator = null) =>
        new([6, 12, 24, 16], growth: 32, firstChannels: 64, classes, generator: generator);

    /// <summary>Two blocks of four layers for images of about 28 × 28 of one channel, with feature maps of 7 × 7 in the end.</summary>
    public static DenseNet Small(long classes = 10, long inChannels = 1, Generator? generator = null) =>
        new([4, 4], growth: 16, firstChannels: 32, classes, inChannels, imageNetStem: false, generator);

    /// <inheritdoc/>
    public Module<Tensor, Tensor> FeatureMaps => _features;

    /// <inheritdoc/>
    public Linear Classifier { get; }

    /// <inheritdoc/>
    protected override Tensor Forward(Tensor input) => Classifier.Call(_features.Call(input).Mean([2, 3]));

    private static NamedSequential Transition(long inChannels, long outChannels, Generator? generator)
    {
        var transition = new NamedSequential();
        transition.Add("norm", new BatchNorm2d(inChannels));
        transition.Add("relu", new Relu());
        transition.Add("conv", HeConvolution.Create(inChannels, outChannels, 1, 1, generator));
        transition.Add("pool", new AvgPool2d(2));
        return transition;
    }
}
