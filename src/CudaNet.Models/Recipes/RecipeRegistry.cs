namespace CudaNet.Models;

/// <summary>Every recipe, by name.</summary>
public static class RecipeRegistry
{
    /// <summary>In alphabetical order within each family; adding a recipe adds one line.</summary>
    public static IReadOnlyList<IRecipe> All { get; } =
    [
        DigitRecipe.Cnn,
        DigitRecipe.DenseNet,
        DigitRecipe.Linear,
        DigitRecipe.Mlp,
        DigitRecipe.ResNet,
        DoubleDescentRecipe.Instance,
        GnnRecipe.Instance,
        LotteryRecipe.Instance,
        RegressionRecipe.Instance,
        SegmentationRecipe.UNet,
        SemiSupervisedRecipe.FixMatch,
    ];

    /// <summary>The recipe of this name.</summary>
    /// <exception cref="RecipeOptionException">There is none; the message names them.</exception>
    public static IRecipe Find(string name)
    {
        var names = All.Select(recipe => recipe.Name).ToList();
        return All.FirstOrDefault(recipe => recipe.Name == name)
            ?? throw new RecipeOptionException(
                $"there is no recipe '{name}'; {Suggestions.For(name, names)}expected one of {string.Join(", ", names)}"
            );
    }
}
