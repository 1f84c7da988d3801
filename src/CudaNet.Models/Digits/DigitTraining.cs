using System.Globalization;
using CudaNet.Data;
using CudaNet.Nn;
using CudaNet.Optim;
using CudaNet.Training;

namespace CudaNet.Models;

/// <summary>A digit classifier with its data: cross-entropy, minimised with AdamW.</summary>
/// <param name="build">(N, 784) pixels in [0, 1] → (N, 10) logits, with first weights from a generator.</param>
/// <param name="random">Draws the first weights, and what the network draws from while it trains.</param>
/// <param name="data">The images.</param>
/// <param name="settings">How to train.</param>
/// <param name="augmentation">What is done to training images, or null.</param>
/// <param name="name">What is trained.</param>
/// <param name="source">Where the images are from.</param>
internal sealed class DigitTraining(
    Func<Generator, Module<Tensor, Tensor>> build,
    Generator random,
    Lazy<TrainTestImages> data,
    SupervisedSettings settings,
    IAugmentation? augmentation,
    string name,
    string source
) : DigitClassifier(build(random), data), IExaminable
{
    public const int Height = 28;
    public const int Width = 28;
    public const int Pixels = Height * Width;
    public const int Classes = 10;

    private const int SubsetImages = 20;

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

    public TrainingSubject Subject
    {
        get
        {
            var batches = new ImageBatches(Images.Train, settings.BatchSize, seed: (ulong)settings.Seed);
            var subset = new ImageBatches(
                Images.Train.Slice(0, Math.Min(SubsetImages, Images.Train.Count)),
                SubsetImages,
                shuffle: false
            );
            return new(
                () => build(new Generator(settings.Seed)),
                (network, step) => Loss(network, batches.Get(step / batches.Count, (int)(step % batches.Count))),
                network => Loss(network, subset.Get(0, 0)),
                (network, rate, decay) => new AdamW(network.Parameters(), learningRate: rate, weightDecay: decay),
                settings.LearningRate
            )
            {
                UninformedLoss = Math.Log(Classes),
                SubsetAccuracy = network =>
                {
                    var batch = subset.Get(0, 0);
                    return SupervisedTraining.Right(Logits(network, batch), batch.Labels).Mean().Item();
                },
            };
        }
    }

    private static Tensor Logits(Module network, ImageBatch batch) =>
        ((Module<Tensor, Tensor>)network).Call(batch.Images);

    private static Tensor Loss(Module network, ImageBatch batch) => Logits(network, batch).CrossEntropy(batch.Labels);
}
