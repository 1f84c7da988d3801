using CudaNet.Data;
using CudaNet.Nn;
using CudaNet.Reporting;
using CudaNet.Training;

namespace CudaNet.Models;

/// <summary>What the recipes that end in a classifier of digits share, however it is trained: judging it, showing it, and trying it.</summary>
/// <param name="model">(N, 784) pixels in [0, 1] → (N, 10) logits.</param>
/// <param name="data">The images.</param>
internal abstract class DigitClassifier(Module<Tensor, Tensor> model, Lazy<TrainTestImages> data)
    : IPreparedRecipe,
        IReportSections,
        ISampler
{
    protected const string ModelPart = "model";

    // Of the network as it now stands.
    private DigitPredictions? _tested;

    public abstract string Description { get; }

    public long ParameterCount => model.ParameterCount;

    protected Module<Tensor, Tensor> Model => model;

    protected TrainTestImages Images => data.Value;

    public virtual void Restore(RunFolder folder)
    {
        new ModuleState(model).LoadState(Checkpoint.Load(folder.CheckpointPath).Section(ModelPart));
        _tested = null;
    }

    public abstract IReadOnlyDictionary<string, double>? Run(RecipeRun run);

    public IReadOnlyList<ReportSection> ReportSections() => DigitReport.Sections(model, Images.Test, Tested);

    public IEnumerable<Sample> Sample(SampleRequest request) =>
        request.Input is { } path
            ? DigitSamples.OfFile(model, path, request.Count)
            : DigitSamples.OfTests(model, Images.Test, request.Count, request.Seed);

    /// <summary>Judges the network on the test set. Nothing is chosen by what is found there.</summary>
    protected IReadOnlyList<(string Name, double Value)> Test()
    {
        _tested = DigitPredictions.Of(model, Images.Test);
        return [("test_loss", _tested.Loss), ("test_accuracy", _tested.Accuracy)];
    }

    /// <summary>The numbers by which a finished run is judged.</summary>
    protected Dictionary<string, double> Results<TBatch>(Trainer<TBatch> trainer, int epochs)
        where TBatch : IBatch
    {
        var results = new Dictionary<string, double>
        {
            ["test_accuracy"] = Tested.Accuracy,
            ["test_loss"] = Tested.Loss,
        };
        foreach (var (name, value) in trainer.LastEpoch)
            if (!results.ContainsKey(name))
                results[$"train_{name}"] = value;
        results["epochs"] = epochs;
        results["steps"] = trainer.Step;
        results["train_seconds"] = trainer.Seconds;
        return results;
    }

    private DigitPredictions Tested => _tested ??= DigitPredictions.Of(model, Images.Test);
}
