using CudaNet.Nn;

namespace CudaNet.Models;

/// <summary>
/// Fits a regression model to data of a process that is known, so that the loss can be compared with the least that is possible: the
/// process's own (UDL, chapter 5).
/// </summary>
public sealed class RegressionRecipe : IRecipe
{
    private const int HiddenUnits = 32;

    /// <summary>The recipe.</summary>
    public static RegressionRecipe Instance { get; } = new();

    private RegressionRecipe() { }

    /// <inheritdoc/>
    public string Name => "regression";

    /// <inheritdoc/>
    public string Description => "Linear, logistic, Poisson, … regression, and mixture densities, on drawn data.";

    /// <inheritdoc/>
    public IReadOnlyList<RecipeOption> Options { get; } =
    [
        new("kind", "KIND", "linear", $"What the targets are like: {string.Join(", ", Kinds)}."),
        new("epochs", "N", "40", "Passes over the training set."),
        new("batch-size", "N", "32", "Samples per step."),
        new("lr", "X", "0.005", "Learning rate of Adam."),
        new("samples", "N", "2000", "How many samples are drawn to train on, and as many to test."),
        new("seed", "N", "1", "Chooses the data, the first weights and the order of the samples."),
    ];

    private static IEnumerable<string> Kinds => RegressionProblem.All.Select(problem => problem.Family.Name);

    /// <inheritdoc/>
    public IPreparedRecipe Prepare(RecipeOptions options, bool loadData = true)
    {
        var kind = options.TextOrNull("kind")!;
        var problem =
            RegressionProblem.All.FirstOrDefault(problem => problem.Family.Name == kind)
            ?? throw new RecipeOptionException($"--kind {kind}: expected one of {string.Join(", ", Kinds)}");
        var seed = options.Long("seed", 0);
        var settings = new RegressionSettings(
            options.Int("epochs"),
            options.Int("batch-size"),
            options.Positive("lr"),
            options.Int("samples", 2, 1_000_000),
            seed
        );
        // Data and weights are drawn from different sequences, so that either can be had without the other.
        return new RegressionTraining(Build(problem, new Generator(seed)), problem, settings);
    }

    private static Sequential Build(RegressionProblem problem, Generator random) =>
        problem.IsLinear
            ? new Sequential(new Linear(1, problem.Family.Outputs, generator: random))
            : new Sequential(
                new Linear(1, HiddenUnits, generator: random),
                new Tanh(),
                new Linear(HiddenUnits, HiddenUnits, generator: random),
                new Tanh(),
                new Linear(HiddenUnits, problem.Family.Outputs, generator: random)
            );
}
