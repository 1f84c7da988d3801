using CudaNet.Data;
using CudaNet.Nn;

namespace CudaNet.Models;

/// <summary>
/// Trains a classifier of 28 × 28 digits: on MNIST (LeCun, Bottou, Bengio, Haffner 1998) or, without files, on digits that the
/// program draws itself.
/// </summary>
public sealed class DigitRecipe : IRecipe
{
    // As much as digits of different hands differ.
    private static readonly IAugmentation s_handwriting = new RandomAffine(
        Degrees: 10,
        Translate: 0.07,
        ScaleLow: 0.9,
        ScaleHigh: 1.1,
        ShearX: 0.1
    );

    private readonly Func<Generator, Module<Tensor, Tensor>> _build;
    private readonly bool _oneCycle;
    private readonly IAugmentation? _augmentation;

    private DigitRecipe(
        string name,
        string description,
        int epochs,
        string learningRate,
        Func<Generator, Module<Tensor, Tensor>> build,
        bool oneCycle = false,
        IAugmentation? augmentation = null
    )
    {
        (Name, Description, _build) = (name, description, build);
        (_oneCycle, _augmentation) = (oneCycle, augmentation);
        Options =
        [
            DigitData.Folder,
            new("epochs", "N", $"{epochs}", "Passes over the training set."),
            new("batch-size", "N", "64", "Images per step."),
            new(
                "lr",
                "X",
                learningRate,
                oneCycle ? "Highest learning rate of AdamW, in one cycle." : "Learning rate of AdamW."
            ),
            new("seed", "N", "1", "Chooses the first weights and the order of the images."),
            DigitData.Limit,
        ];
    }

    /// <summary>Multinomial logistic regression, 784-10.</summary>
    public static DigitRecipe Linear { get; } =
        new(
            "linear",
            "Logistic regression 784-10 on digits.",
            5,
            "0.001",
            random => new Linear(DigitTraining.Pixels, DigitTraining.Classes, generator: random)
        );

    /// <summary>Two hidden layers of 512 rectified units, 784-512-512-10.</summary>
    public static DigitRecipe Mlp { get; } =
        new(
            "mlp",
            "Multilayer perceptron 784-512-512-10 on digits.",
            10,
            "0.001",
            random => new Sequential(
                new Linear(DigitTraining.Pixels, 512, generator: random),
                new Relu(),
                new Linear(512, 512, generator: random),
                new Relu(),
                new Linear(512, DigitTraining.Classes, generator: random)
            )
        );

    /// <summary>
    /// Two convolutions of 3 × 3, each halved by pooling, and a hidden layer of 128 rectified units, with dropout (LeCun, Bottou, Bengio,
    /// Haffner 1998; Srivastava et al. 2014).
    /// </summary>
    public static DigitRecipe Cnn { get; } =
        new(
            "cnn",
            "Convolutional network (32 and 64 filters of 3 × 3, pooling, 128 hidden units, dropout) on digits.",
            5,
            "0.002",
            random => new Sequential(
                new Unflatten(1, [1, DigitTraining.Height, DigitTraining.Width]),
                new Conv2d(1, 32, 3, generator: random),
                new Relu(),
                new MaxPool2d(2),
                new Conv2d(32, 64, 3, generator: random),
                new Relu(),
                new MaxPool2d(2),
                new Dropout(0.25, random),
                new Flatten(),
                new Linear(64 * 5 * 5, 128, generator: random),
                new Relu(),
                new Dropout(0.5, random),
                new Linear(128, DigitTraining.Classes, generator: random)
            )
        );

    /// <summary>
    /// A residual network of 18 layers (He, Zhang, Ren, Sun 2016) with 16 to 64 channels, trained on images that are turned, moved and scaled a little, with one cycle of
    /// the learning rate.
    /// </summary>
    public static DigitRecipe ResNet { get; } =
        new(
            "resnet",
            "Residual network of 18 layers, 16 to 64 channels, on digits.",
            5,
            "0.01",
            random => OnImages(Models.ResNet.Small18(generator: random)),
            oneCycle: true,
            s_handwriting
        );

    /// <summary>A dense network of two blocks (Huang, Liu, van der Maaten, Weinberger 2017), trained as the residual one.</summary>
    public static DigitRecipe DenseNet { get; } =
        new(
            "densenet",
            "Densely connected network of two blocks of four layers on digits.",
            5,
            "0.01",
            random => OnImages(Models.DenseNet.Small(generator: random)),
            oneCycle: true,
            s_handwriting
        );

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public string Description { get; }

    /// <inheritdoc/>
    public IReadOnlyList<RecipeOption> Options { get; }

    /// <summary>The network, untrained.</summary>
    /// <param name="random">Draws its first weights, and later what dropout leaves out.</param>
    public Module<Tensor, Tensor> Build(Generator random) => _build(random);

    /// <inheritdoc/>
    public IPreparedRecipe Prepare(RecipeOptions options, bool loadData = true)
    {
        var seed = options.Long("seed", 0);
        var settings = new SupervisedSettings(
            options.Int("epochs"),
            options.Int("batch-size"),
            options.Positive("lr"),
            seed,
            _oneCycle
        );
        var data = DigitData.Load(Name, options);
        if (loadData)
            _ = data.Value;
        var random = new Generator(seed);
        return new DigitTraining(_build, random, data, settings, _augmentation, Name, DigitData.Source(options));
    }

    private static Sequential OnImages(Module<Tensor, Tensor> network) =>
        new(new Unflatten(1, [1, DigitTraining.Height, DigitTraining.Width]), network);
}
