using CudaNet.Nn;

namespace CudaNet.Models;

/// <summary>
/// Classifies digits from a few labels and many images without: FixMatch (Sohn et al. 2020) and what it is compared with.
/// </summary>
public sealed class SemiSupervisedRecipe : IRecipe
{
    private static readonly string[] s_methods =
    [
        "fixmatch",
        "pseudo-label",
        "mean-teacher",
        "mixmatch",
        "remixmatch",
        "supervised",
    ];

    private SemiSupervisedRecipe() { }

    /// <summary>The recipe.</summary>
    public static SemiSupervisedRecipe FixMatch { get; } = new();

    /// <inheritdoc/>
    public string Name => "fixmatch";

    /// <inheritdoc/>
    public string Description => "Digits from 100 labels and many images without: FixMatch and its relatives.";

    /// <inheritdoc/>
    public IReadOnlyList<RecipeOption> Options { get; } =
    [
        DigitData.Folder,
        new("method", "NAME", s_methods[0], $"How to learn: {string.Join(", ", s_methods)} (from the labels alone)."),
        new("labels", "N", "100", "Images whose labels are used, as many of each class."),
        new("epochs", "N", "30", "Passes over the images without labels."),
        new("batch-size", "N", "32", "Images with labels per step."),
        new("ratio", "N", "7", "Images without labels per image with one."),
        new("threshold", "X", "0.95", "How probable a guess must be to be learnt, by fixmatch and pseudo-label."),
        new("lr", "X", "0.002", "Learning rate of AdamW, which falls to a fifth (cos 7π/16) by the end."),
        new("seed", "N", "1", "Chooses the labels, the first weights, the order and the augmentation."),
        DigitData.Limit,
    ];

    /// <inheritdoc/>
    public IPreparedRecipe Prepare(RecipeOptions options, bool loadData = true)
    {
        var settings = new SemiSupervisedSettings(
            options.Int("labels"),
            options.Int("epochs"),
            options.Int("batch-size"),
            options.Int("ratio"),
            options.Positive("lr"),
            options.Long("seed", 0)
        );
        if (settings.Labels % DigitTraining.Classes != 0)
            throw new RecipeOptionException(
                $"--labels {settings.Labels}: expected a multiple of {DigitTraining.Classes}, as many of each class"
            );
        var method = Method(options);
        var data = DigitData.Load(Name, options);
        if (loadData)
            _ = data.Value;
        var random = new Generator(settings.Seed);
        return new SemiSupervisedTraining(Build(random), random, data, settings, method, DigitData.Source(options));
    }

    /// <summary>The network of the recipe cnn without its dropout, which the averages of the weights and augmentation stand in for.</summary>
    private static Sequential Build(Generator random) =>
        new(
            new Unflatten(1, [1, DigitTraining.Height, DigitTraining.Width]),
            new Conv2d(1, 32, 3, generator: random),
            new LeakyRelu(0.1),
            new MaxPool2d(2),
            new Conv2d(32, 64, 3, generator: random),
            new LeakyRelu(0.1),
            new MaxPool2d(2),
            new Flatten(),
            new Linear(64 * 5 * 5, 128, generator: random),
            new LeakyRelu(0.1),
            new Linear(128, DigitTraining.Classes, generator: random)
        );

    private static SemiSupervisedMethod Method(RecipeOptions options)
    {
        var name = options.TextOrNull("method")!;
        var threshold = options.Positive("threshold");
        return name switch
        {
            "fixmatch" => new ConfidentGuesses(threshold, isStrong: true),
            "pseudo-label" => new ConfidentGuesses(threshold, isStrong: false),
            "mean-teacher" => new MeanTeacher(),
            "mixmatch" => new MixMatch(),
            // The labels are as many of each class, so nothing else is known of the frequencies.
            "remixmatch" => new ReMixMatch([.. Enumerable.Repeat(1.0 / DigitTraining.Classes, DigitTraining.Classes)]),
            "supervised" => new Supervised(),
            _ => throw new RecipeOptionException(
                $"--method {name}: {Suggestions.For(name, s_methods)}expected one of {string.Join(", ", s_methods)}"
            ),
        };
    }
}
