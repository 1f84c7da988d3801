using CudaNet.Data;
using CudaNet.Nn;
using CudaNet.Optim;
using CudaNet.Training;

namespace CudaNet.Models;

/// <summary>How a digit classifier is trained.</summary>
internal sealed record DigitSettings(int Epochs, int BatchSize, double LearningRate, long Seed);

/// <summary>A digit classifier with its data: cross-entropy, minimised with AdamW.</summary>
internal sealed class DigitTraining(
    Module<Tensor, Tensor> model,
    TrainTestImages data,
    DigitSettings settings,
    string description
) : IPreparedRecipe
{
    public const int Pixels = 28 * 28;
    public const int Classes = 10;

    // Only the forward pass runs on test images, so the batch is as large as it pays.
    private const int TestBatchSize = 500;

    public string Description => description;

    public long ParameterCount => model.ParameterCount;

    public IReadOnlyDictionary<string, double>? Run(RecipeRun run)
    {
        var optimizer = new AdamW(model.Parameters(), learningRate: settings.LearningRate);
        var batches = new ImageBatches(data.Train, settings.BatchSize, seed: (ulong)settings.Seed);
        var trainer = new Trainer<ImageBatch>(run.Folder, batches, settings.Epochs) { Observer = run.Observer }
            .Track("model", new ModuleState(model))
            .Track("optimizer", new OptimizerState(optimizer));
        if (run.Resume)
            trainer.Resume();

        model.Train();
        var finished = trainer.Run(
            batch =>
            {
                var logits = model.Call(batch.Images);
                var loss = logits.CrossEntropy(batch.Labels);
                optimizer.ZeroGrad();
                loss.Backward();
                optimizer.Step();
                return new StepResult(loss).With("accuracy", Right(logits, batch.Labels).Mean());
            },
            run.Stop
        );
        if (!finished)
            return null;

        var results = new Dictionary<string, double> { ["test_accuracy"] = Test() };
        foreach (var (name, value) in trainer.LastEpoch)
            results[$"train_{name}"] = value;
        results["epochs"] = settings.Epochs;
        results["steps"] = trainer.Step;
        results["train_seconds"] = trainer.Seconds;
        return results;
    }

    /// <summary>The share of test images that are recognised. Read once, after training: nothing is chosen by it.</summary>
    private double Test()
    {
        var batches = new ImageBatches(data.Test, TestBatchSize, shuffle: false);
        var right = Evaluation.Sum(model, batches, batch => Right(model.Call(batch.Images), batch.Labels).Sum());
        return right / data.Test.Count;
    }

    /// <summary>1 for each image whose largest logit is its label's, else 0.</summary>
    private static Tensor Right(Tensor logits, Tensor labels) => logits.ArgMax(1).Eq(labels).Cast(DType.Float32);
}
