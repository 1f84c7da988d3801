using System.Globalization;

namespace CudaNet.Models;

/// <summary>
/// The test error of networks of growing width on noisy labels: it falls, rises to a peak where the training set can just be fitted, and falls again. Source: Belkin, Hsu, Ma and Mandal, "Reconciling modern
/// machine-learning practice and the classical bias–variance trade-off", 2019; Nakkiran et al., "Deep double descent", 2020; UDL section 8.4.
/// </summary>
public sealed class DoubleDescentRecipe : IRecipe
{
    private DoubleDescentRecipe() { }

    /// <summary>The recipe.</summary>
    public static DoubleDescentRecipe Instance { get; } = new();

    /// <inheritdoc/>
    public string Name => "double-descent";

    /// <inheritdoc/>
    public string Description => "A sweep over the width of an MLP on digits with noisy labels, for double descent.";

    /// <inheritdoc/>
    public IReadOnlyList<RecipeOption> Options { get; } =
    [
        DigitData.Folder,
        new("widths", "N,N,…", "2,4,6,8,10,12,14,16,20,24,32,48,64,128,256,512", "Hidden units of each network."),
        new("samples", "N", "4000", "Images to train on."),
        new("noise", "X", "0.2", "The share of the training labels that are replaced by random other ones."),
        new("epochs", "N", "100", "Passes over the training set, in each training."),
        new("batch-size", "N", "100", "Images per step."),
        new("lr", "X", "0.003", "Learning rate of Adam."),
        new("seed", "N", "1", "Chooses the noise, the first weights and the order of the images."),
        DigitData.Limit,
    ];

    /// <inheritdoc/>
    public IPreparedRecipe Prepare(RecipeOptions options, bool loadData = true)
    {
        var text = options.TextOrNull("widths")!;
        var widths = new List<int>();
        foreach (var part in text.Split(','))
            widths.Add(
                int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out var width) && width > 0
                    ? width
                    : throw new RecipeOptionException(
                        $"--widths {text}: expected numbers of at least 1, such as 4,16,64"
                    )
            );
        var settings = new DoubleDescentSettings(
            [.. widths.Distinct().Order()],
            options.Int("samples"),
            options.Positive("noise"),
            options.Int("epochs"),
            options.Int("batch-size"),
            options.Positive("lr"),
            options.Long("seed", 0)
        );
        if (settings.Noise > 1)
            throw new RecipeOptionException($"--noise {settings.Noise}: expected a share of at most 1, such as 0.2");
        var data = DigitData.Load(Name, options);
        if (loadData)
            _ = data.Value;
        return new DoubleDescentTraining(settings, data, DigitData.Source(options));
    }
}
