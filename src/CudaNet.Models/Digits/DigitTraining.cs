using System.Globalization;
using CudaNet.Data;
using CudaNet.Nn;
using CudaNet.Training;

namespace CudaNet.Models;

/// <summary>A digit classifier with its data: cross-entropy, minimised with AdamW.</summary>
/// <param name="model">(N, 784) pixels in [0, 1] → (N, 10) logits.</param>
/// <param name="random">What the network draws from while it trains.</param>
/// <param name="data">The images.</param>
/// <param name="settings">How to train.</param>
/// <param name="augmentation">What is done to training images, or null.</param>
/// <param name="name">What is trained.</param>
/// <param name="source">Where the images are from.</param>
internal sealed class DigitTraining(
    Module<Tensor, Tensor> model,
    Generator random,
    Lazy<TrainTestImages> data,
    SupervisedSettings settings,
    IAugmentation? augmentation,
    string name,
    string source
) : DigitClassifier(model, data)
{
    public const int Height = 28;
    public const int Width = 28;
    public const int Pixels = Height * Width;
    public const int Classes = 10;

    public override string Description =>
        $"{name} on {Images.Train.Count.ToString("N0", CultureInfo.InvariantCulture)} {source}";

    public override IReadOnlyDictionary<string, double>? Run(RecipeRun run)
    {
        var batches = new ImageBatches(
            Images.Train,
            settings.BatchSize,
            seed: (ulong)settings.Seed,
            augmentation: augmentation,
            augmentationSeed: (ulong)settings.Seed
        );
        var trainer = SupervisedTraining.Run(
            run,
            Model,
            random,
            batches,
            batch => (batch.Images, batch.Labels),
            settings,
            Test
        );
        return trainer is null ? null : Results(trainer, settings.Epochs);
    }
}
