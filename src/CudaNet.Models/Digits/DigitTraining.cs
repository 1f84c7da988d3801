using System.Globalization;
using CudaNet.Data;
using CudaNet.Nn;
using CudaNet.Optim;
using CudaNet.Reporting;
using CudaNet.Training;

namespace CudaNet.Models;

/// <summary>How a digit classifier is trained.</summary>
internal sealed record DigitSettings(int Epochs, int BatchSize, double LearningRate, long Seed);

/// <summary>A digit classifier with its data: cross-entropy, minimised with AdamW.</summary>
/// <param name="build">(N, 784) pixels in [0, 1] → (N, 10) logits, with first weights from a generator.</param>
/// <param name="random">Draws the first weights, and what the network draws from while it trains.</param>
/// <param name="data">The images.</param>
/// <param name="settings">How to train.</param>
/// <param name="name">What is trained.</param>
/// <param name="source">Where the images are from.</param>
internal sealed class DigitTraining(
    Func<Generator, Module<Tensor, Tensor>> build,
    Generator random,
    Lazy<TrainTestImages> data,
    DigitSettings settings,
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
        var optimizer = new AdamW(Model.Parameters(), learningRate: settings.LearningRate);
        var batches = new ImageBatches(Images.Train, settings.BatchSize, seed: (ulong)settings.Seed);
        var trainer = new Trainer<ImageBatch>(run.Folder, batches, settings.Epochs)
        {
            Observer = run.Observer,
            Evaluate = Test,
        }
            .Track(ModelPart, new ModuleState(Model))
            .Track("optimizer", new OptimizerState(optimizer))
            .Track("random", new GeneratorPart(random));
        if (run.Resume)
            trainer.Resume();

        Model.Train();
        var finished = trainer.Run(
            batch =>
            {
                var logits = Model.Call(batch.Images);
                var loss = logits.CrossEntropy(batch.Labels);
                optimizer.ZeroGrad();
                loss.Backward();
                optimizer.Step();
                return new StepResult(loss).With("accuracy", Right(logits, batch.Labels).Mean());
            },
            run.Stop
        );
        return finished ? Results(trainer, settings.Epochs) : null;
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
                    return Right(Logits(network, batch), batch.Labels).Mean().Item();
                },
            };
        }
    }

    private static Tensor Logits(Module network, ImageBatch batch) =>
        ((Module<Tensor, Tensor>)network).Call(batch.Images);

    private static Tensor Loss(Module network, ImageBatch batch) => Logits(network, batch).CrossEntropy(batch.Labels);

    /// <summary>1 for each image whose largest logit is its label's, else 0.</summary>
    private static Tensor Right(Tensor logits, Tensor labels) => logits.ArgMax(1).Eq(labels).Cast(DType.Float32);
}
