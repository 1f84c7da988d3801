using CudaNet.Nn;
using CudaNet.Optim;
using CudaNet.Training;

namespace CudaNet.Models;

/// <summary>How a classifier, of images or of pixels, is trained.</summary>
/// <param name="Epochs">Passes over the training set.</param>
/// <param name="BatchSize">Images per step.</param>
/// <param name="LearningRate">Of AdamW; with one cycle the highest.</param>
/// <param name="Seed">Of weights and orders.</param>
/// <param name="OneCycle">Whether the learning rate rises and falls in one cycle rather than staying as it is.</param>
internal sealed record SupervisedSettings(
    int Epochs,
    int BatchSize,
    double LearningRate,
    long Seed,
    bool OneCycle = false
);

/// <summary>Minimises the cross-entropy of a classifier with AdamW.</summary>
internal static class SupervisedTraining
{
    public const string ModelPart = "model";

    /// <summary>Trains, beginning or continuing a run.</summary>
    /// <param name="run">Where.</param>
    /// <param name="model">Inputs → logits (N, classes, …).</param>
    /// <param name="random">What the network draws from while it trains.</param>
    /// <param name="batches">The training set.</param>
    /// <param name="split">Inputs and labels, (N, …) i64, of a batch.</param>
    /// <param name="settings">How to train.</param>
    /// <param name="evaluate">Judges the network after each epoch.</param>
    /// <returns>The trainer, or null when the run was asked to stop before the end.</returns>
    public static Trainer<TBatch>? Run<TBatch>(
        RecipeRun run,
        Module<Tensor, Tensor> model,
        Generator random,
        IBatches<TBatch> batches,
        Func<TBatch, (Tensor Inputs, Tensor Labels)> split,
        SupervisedSettings settings,
        Func<IReadOnlyList<(string Name, double Value)>> evaluate
    )
        where TBatch : IBatch
    {
        var optimizer = new AdamW(model.Parameters(), learningRate: settings.LearningRate);
        var trainer = new Trainer<TBatch>(run.Folder, batches, settings.Epochs)
        {
            Observer = run.Observer,
            Evaluate = evaluate,
        }
            .Track(ModelPart, new ModuleState(model))
            .Track("optimizer", new OptimizerState(optimizer))
            .Track("random", new GeneratorPart(random));
        OneCycleLr? scheduler = null;
        if (settings.OneCycle)
        {
            var steps = checked(settings.Epochs * batches.Count);
            scheduler = new OneCycleLr(optimizer, settings.LearningRate, steps, cycleMomentum: false);
            trainer.Track("scheduler", new SchedulerState(scheduler));
        }
        if (run.Resume)
            trainer.Resume();

        model.Train();
        var finished = trainer.Run(
            batch =>
            {
                var (inputs, labels) = split(batch);
                var logits = model.Call(inputs);
                var loss = logits.CrossEntropy(labels);
                optimizer.ZeroGrad();
                loss.Backward();
                optimizer.Step();
                scheduler?.Step();
                return new StepResult(loss).With("accuracy", Right(logits, labels).Mean());
            },
            run.Stop
        );
        return finished ? trainer : null;
    }

    /// <summary>The numbers by which a finished run is judged: those of the test set first.</summary>
    public static Dictionary<string, double> Results<TBatch>(
        Trainer<TBatch> trainer,
        int epochs,
        params IEnumerable<(string Name, double Value)> tested
    )
        where TBatch : IBatch
    {
        var results = tested.ToDictionary(number => number.Name, number => number.Value, StringComparer.Ordinal);
        foreach (var (name, value) in trainer.LastEpoch)
            if (!results.ContainsKey(name))
                results[$"train_{name}"] = value;
        results["epochs"] = epochs;
        results["steps"] = trainer.Step;
        results["train_seconds"] = trainer.Seconds;
        return results;
    }

    /// <summary>1 where the largest logit is the label's, else 0.</summary>
    public static Tensor Right(Tensor logits, Tensor labels) => logits.ArgMax(1).Eq(labels).Cast(DType.Float32);
}
