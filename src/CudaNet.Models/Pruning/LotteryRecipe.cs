namespace CudaNet.Models;

/// <summary>
/// Looks for winning tickets: sparse parts of a network that, from their first weights, learn as well as all of it. Source: Frankle and Carbin, "The lottery ticket hypothesis", 2019, section 2 (iterative pruning).
/// </summary>
public sealed class LotteryRecipe : IRecipe
{
    private LotteryRecipe() { }

    /// <summary>The recipe.</summary>
    public static LotteryRecipe Instance { get; } = new();

    /// <inheritdoc/>
    public string Name => "lottery";

    /// <inheritdoc/>
    public string Description =>
        "Lottery tickets on digits: an MLP 784-300-100-10, pruned step by step and rewound, against the same mask with new weights.";

    /// <inheritdoc/>
    public IReadOnlyList<RecipeOption> Options { get; } =
    [
        DigitData.Folder,
        new("sparsity", "X", "0.9", "The share of the weights that is pruned in the end."),
        new("rounds", "N", "6", "Trainings on the way there, each of which leaves the same share of what is left."),
        new("seeds", "N", "3", "How often all is repeated, with other first weights."),
        new("epochs", "N", "8", "Passes over the training set, in each training."),
        new("batch-size", "N", "64", "Images per step."),
        new("lr", "X", "0.0012", "Learning rate of Adam."),
        new("seed", "N", "1", "Chooses the first weights and the order of the images."),
        DigitData.Limit,
    ];

    /// <inheritdoc/>
    public IPreparedRecipe Prepare(RecipeOptions options, bool loadData = true)
    {
        var settings = new LotterySettings(
            options.Positive("sparsity"),
            options.Int("rounds"),
            options.Int("seeds"),
            options.Int("epochs"),
            options.Int("batch-size"),
            options.Positive("lr"),
            options.Long("seed", 0)
        );
        if (settings.Sparsity >= 1)
            throw new RecipeOptionException($"--sparsity {settings.Sparsity}: expected a share below 1, such as 0.9");
        var data = DigitData.Load(Name, options);
        if (loadData)
            _ = data.Value;
        return new LotteryTraining(settings, data, DigitData.Source(options));
    }
}
