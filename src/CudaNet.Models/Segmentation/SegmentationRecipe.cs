using CudaNet.Data;

namespace CudaNet.Models;

/// <summary>Trains a U-Net (Ronneberger, Fischer, Brox 2015) to find discs, rectangles and triangles in images that the program draws.</summary>
public sealed class SegmentationRecipe : IRecipe
{
    private const long Width = 8;
    private const int Halvings = 3;

    private SegmentationRecipe() { }

    /// <summary>The recipe.</summary>
    public static SegmentationRecipe UNet { get; } = new();

    /// <inheritdoc/>
    public string Name => "unet";

    /// <inheritdoc/>
    public string Description =>
        "U-Net of 8 to 64 channels that finds discs, rectangles and triangles in drawn images.";

    /// <inheritdoc/>
    public IReadOnlyList<RecipeOption> Options { get; } =
    [
        new("epochs", "N", "10", "Passes over the training set."),
        new("batch-size", "N", "16", "Images per step."),
        new("lr", "X", "0.01", "Highest learning rate of AdamW, in one cycle."),
        new("seed", "N", "1", "Chooses the images, the first weights and the order of the images."),
        new("limit", "N", null, "Train on the first N images only, and test on at most as many."),
    ];

    /// <inheritdoc/>
    public IPreparedRecipe Prepare(RecipeOptions options, bool loadData = true)
    {
        var seed = options.Long("seed", 0);
        var settings = new SupervisedSettings(
            options.Int("epochs"),
            options.Int("batch-size"),
            options.Positive("lr"),
            seed,
            OneCycle: true
        );
        var limit = options.IntOrNull("limit");
        var data = new Lazy<(SegmentedImages Train, SegmentedImages Test)>(() =>
        {
            var (train, test) = DrawnShapes.Load((ulong)seed);
            return limit is { } most ? (train.First(most), test.First(most)) : (train, test);
        });
        if (loadData)
            _ = data.Value;
        var random = new Generator(seed);
        var model = new Models.UNet(1, DrawnShapes.Classes.Count, Width, Halvings, random);
        return new SegmentationTraining(model, random, data, settings, Name);
    }
}
