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
) : IPreparedRecipe, IReportSections, ISampler
{
    public const int Height = 28;
    public const int Width = 28;
    public const int Pixels = Height * Width;
    public const int Classes = 10;

    private const string ModelPart = "model";

    // Of the network as it now stands.
    private DigitPredictions? _tested;

    public string Description =>
        $"{name} on {data.Value.Train.Count.ToString("N0", CultureInfo.InvariantCulture)} {source}";

    public long ParameterCount => model.ParameterCount;

    public void Restore(RunFolder folder)
    {
        new ModuleState(model).LoadState(Checkpoint.Load(folder.CheckpointPath).Section(ModelPart));
        _tested = null;
    }

    public IReadOnlyDictionary<string, double>? Run(RecipeRun run)
    {
        var optimizer = new AdamW(model.Parameters(), learningRate: settings.LearningRate);
        var batches = new ImageBatches(data.Value.Train, settings.BatchSize, seed: (ulong)settings.Seed);
        var trainer = new Trainer<ImageBatch>(run.Folder, batches, settings.Epochs)
        {
            Observer = run.Observer,
            // Nothing is chosen by what is found on the test set.
            Evaluate = () =>
            {
                _tested = DigitPredictions.Of(model, data.Value.Test);
                return [("test_loss", _tested.Loss), ("test_accuracy", _tested.Accuracy)];
            },
        }
            .Track(ModelPart, new ModuleState(model))
            .Track("optimizer", new OptimizerState(optimizer))
            .Track("random", new GeneratorPart(random));
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

        var results = new Dictionary<string, double>
        {
            ["test_accuracy"] = Tested.Accuracy,
            ["test_loss"] = Tested.Loss,
        };
        foreach (var (name, value) in trainer.LastEpoch)
            if (!results.ContainsKey(name))
                results[$"train_{name}"] = value;
        results["epochs"] = settings.Epochs;
        results["steps"] = trainer.Step;
        results["train_seconds"] = trainer.Seconds;
        return results;
    }

    public IReadOnlyList<ReportSection> ReportSections() => DigitReport.Sections(model, data.Value.Test, Tested);

    public IEnumerable<Sample> Sample(SampleRequest request) =>
        request.Input is { } path
            ? DigitSamples.OfFile(model, path, request.Count)
            : DigitSamples.OfTests(model, data.Value.Test, request.Count, request.Seed);

    private DigitPredictions Tested => _tested ??= DigitPredictions.Of(model, data.Value.Test);

    /// <summary>1 for each image whose largest logit is its label's, else 0.</summary>
    private static Tensor Right(Tensor logits, Tensor labels) => logits.ArgMax(1).Eq(labels).Cast(DType.Float32);
}
