using CudaNet.Data;

namespace CudaNet.Models;

/// <summary>The digits that recipes train on: files of MNIST or, without files, digits that the program draws itself.</summary>
internal static class DigitData
{
    /// <summary>Where the files are.</summary>
    public static RecipeOption Folder { get; } =
        new(
            "data",
            "DIR",
            null,
            "Folder with the MNIST files (IDX, also .gz); without it, digits drawn by the program."
        );

    /// <summary>How many images are used.</summary>
    public static RecipeOption Limit { get; } =
        new("limit", "N", null, "Train on the first N images only, and test on at most as many.");

    /// <summary>What the options say of the data, in words.</summary>
    public static string Source(RecipeOptions options) =>
        options.TextOrNull(Folder.Name) is { } folder ? $"images from {folder}" : "drawn digits";

    /// <summary>The images that the options name, read when they are first asked for.</summary>
    /// <param name="recipe">Who asks: errors name it.</param>
    /// <param name="options">With <see cref="Folder"/> and <see cref="Limit"/>.</param>
    /// <exception cref="RecipeOptionException">The images have another size.</exception>
    public static Lazy<TrainTestImages> Load(string recipe, RecipeOptions options)
    {
        var (folder, limit) = (options.TextOrNull(Folder.Name), options.IntOrNull(Limit.Name));
        return new(() => Load(recipe, folder, limit));
    }

    private static TrainTestImages Load(string recipe, string? folder, int? limit)
    {
        var data = folder is null ? DrawnDigits.Load() : Mnist.Load(folder);
        if (data.Train is not { Height: DigitTraining.Height, Width: DigitTraining.Width })
            throw new RecipeOptionException(
                $"--data {folder}: the images are {data.Train.Height} × {data.Train.Width}; {recipe} takes {DigitTraining.Height} × {DigitTraining.Width}"
            );
        return limit is { } most ? new(First(data.Train, most), First(data.Test, most)) : data;
    }

    private static LabeledImages First(LabeledImages images, int most) => images.Slice(0, Math.Min(most, images.Count));
}
