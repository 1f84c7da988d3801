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
/// <param name="model">(N, 784) pixels in [0, 1] → (N, 10) logits.</param>
/// <param name="random">What the network draws from while it trains.</param>
/// <param name="data">The images.</param>
/// <param name="settings">How to train.</param>
/// <param name="name">What is trained.</param>
/// <param name="source">Where the images are from.</param>
internal sealed class DigitTraining(
    Module<Tensor, Tensor> model,
    Generator random,
    Lazy<TrainTestImages> data,
    DigitSettings settings,
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

    /// <summary>1 for each image whose largest logit is its label's, else 0.</summary>
    private static Tensor Right(Tensor logits, Tensor labels) => logits.ArgMax(1).Eq(labels).Cast(DType.Float32);
}
