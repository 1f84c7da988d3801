using CudaNet.Nn;

namespace CudaNet.Models;

/// <summary>
/// Convolutions, a pooling to a fixed size, and linear layers: (N, 3, H, W) → (N, classes) logits. What <see cref="AlexNet"/> and <see cref="Vgg"/>
/// build; names and shapes of the state dictionary are torchvision's.
/// </summary>
public sealed class FeatureClassifier : Module<Tensor, Tensor>, IFeatureMaps
{
    private readonly AdaptiveAvgPool2d _pool;
    private readonly Sequential _classifier;

    internal FeatureClassifier(Sequential features, long side, Sequential classifier)
    {
        FeatureMaps = AddModule("features", features);
        _pool = AddModule("avgpool", new AdaptiveAvgPool2d(side));
        _classifier = AddModule("classifier", classifier);
    }

    /// <inheritdoc/>
    public Module<Tensor, Tensor> FeatureMaps { get; }

    /// <inheritdoc/>
    protected override Tensor Forward(Tensor input)
    {
        var maps = _pool.Call(FeatureMaps.Call(input));
        return _classifier.Call(maps.Reshape([maps.Shape[0], -1]));
    }
}

/// <summary>AlexNet (Krizhevsky, Sutskever, Hinton 2012), for images of 224 × 224 (227 × 227 in its first form).</summary>
public static class AlexNet
{
    /// <summary>In one column (Krizhevsky 2014), as in torchvision: 61,100,840 parameters with 1,000 classes.</summary>
    public static FeatureClassifier OneColumn(long classes = 1000, Generator? generator = null) =>
        Create([64, 192, 384, 256, 256], padding: 2, groups: 1, classes, generator);

    /// <summary>
    /// As printed in 2012, for images of 227 × 227: 62,378,344 parameters with 1,000 classes; with the second, fourth and fifth convolution divided over two
    /// GPUs, <paramref name="groups"/> = 2, 60,965,224.
    /// </summary>
    public static FeatureClassifier Original(long classes = 1000, long groups = 1, Generator? generator = null) =>
        Create([96, 256, 384, 384, 256], padding: 0, groups, classes, generator);

    private static FeatureClassifier Create(long[] channels, long padding, long groups, long classes, Generator? random)
    {
        Conv2d Conv(int layer, long kernel, long of = 1) =>
            new(channels[layer - 1], channels[layer], kernel, padding: kernel / 2, groups: of, generator: random);
        return new(
            new Sequential(
                new Conv2d(3, channels[0], 11, 4, padding, generator: random),
                new Relu(),
                new MaxPool2d(3, 2),
                Conv(1, 5, groups),
                new Relu(),
                new MaxPool2d(3, 2),
                Conv(2, 3),
                new Relu(),
                Conv(3, 3, groups),
                new Relu(),
                Conv(4, 3, groups),
                new Relu(),
                new MaxPool2d(3, 2)
            ),
            6,
            new Sequential(
                new Dropout(0.5, random),
                new Linear(channels[4] * 6 * 6, 4096, generator: random),
                new Relu(),
                new Dropout(0.5, random),
                new Linear(4096, 4096, generator: random),
                new Relu(),
                new Linear(4096, classes, generator: random)
            )
        );
    }
}

/// <summary>
/// Networks of convolutions of 3 × 3 in five stages (Simonyan, Zisserman 2015, "Very deep convolutional networks for large-scale image recognition"), for images
/// of 224 × 224.
/// </summary>
public static class Vgg
{
    /// <summary>13 convolutions and 3 linear layers: 138,357,544 parameters with 1,000 classes, 553 MB.</summary>
    public static FeatureClassifier Vgg16(long classes = 1000, Generator? generator = null) =>
        Create([2, 2, 3, 3, 3], classes, generator);

    /// <summary>16 convolutions and 3 linear layers: 143,667,240 parameters with 1,000 classes, 575 MB.</summary>
    public static FeatureClassifier Vgg19(long classes = 1000, Generator? generator = null) =>
        Create([2, 2, 4, 4, 4], classes, generator);

    private static FeatureClassifier Create(ReadOnlySpan<int> convolutions, long classes, Generator? random)
    {
        var features = new List<Module<Tensor, Tensor>>();
        long channels = 3;
        for (var stage = 0; stage < convolutions.Length; stage++)
        {
            var width = Math.Min(64L << stage, 512);
            for (var i = 0; i < convolutions[stage]; i++)
            {
                features.Add(new Conv2d(channels, width, 3, padding: 1, generator: random));
                features.Add(new Relu());
                channels = width;
            }
            features.Add(new MaxPool2d(2));
        }
        return new(
            new Sequential([.. features]),
            7,
            new Sequential(
                new Linear(channels * 7 * 7, 4096, generator: random),
                new Relu(),
                new Dropout(0.5, random),
                new Linear(4096, 4096, generator: random),
                new Relu(),
                new Dropout(0.5, random),
                new Linear(4096, classes, generator: random)
            )
        );
    }
}
