using System.Globalization;
using CudaNet.Data;
using CudaNet.Nn;
using CudaNet.Optim;
using CudaNet.Training;

namespace CudaNet.Models;

/// <summary>How a classifier is trained from few labels.</summary>
internal sealed record SemiSupervisedSettings(
    int Labels,
    int Epochs,
    int BatchSize,
    int Ratio,
    double LearningRate,
    long Seed
);

/// <summary>A digit classifier that learns from few labels, and is judged with the averages of its weights.</summary>
/// <param name="model">(N, 784) pixels in [0, 1] → (N, 10) logits.</param>
/// <param name="random">What the network draws from while it trains.</param>
/// <param name="data">The images; of the training set, only the chosen ones' labels are looked at.</param>
/// <param name="settings">How to train.</param>
/// <param name="method">What is learnt from images without labels.</param>
/// <param name="source">Where the images are from.</param>
internal sealed class SemiSupervisedTraining(
    Module<Tensor, Tensor> model,
    Generator random,
    Lazy<TrainTestImages> data,
    SemiSupervisedSettings settings,
    SemiSupervisedMethod method,
    string source
) : DigitClassifier(model, data)
{
    private const string AveragePart = "average";
    private const double LastDecay = 0.995;

    public override string Description =>
        $"{method.Name} on {Images.Train.Count.ToString("N0", CultureInfo.InvariantCulture)} {source}, {settings.Labels} of them with labels";

    public override void Restore(RunFolder folder)
    {
        base.Restore(folder);
        var average = new ExponentialMovingAverage(Model.Parameters());
        new MovingAverageState(average).LoadState(Checkpoint.Load(folder.CheckpointPath).Section(AveragePart));
        average.CopyTo();
    }

    public override IReadOnlyDictionary<string, double>? Run(RecipeRun run)
    {
        var perClass = settings.Labels / DigitTraining.Classes;
        var labeled = LabelChoice.Balanced(Images.Train, perClass, DigitTraining.Classes, (ulong)settings.Seed);
        using var batches = new SemiSupervisedBatches(
            labeled,
            method.LabelView,
            Images.Train,
            method.Views,
            settings.BatchSize,
            settings.Ratio,
            (ulong)settings.Seed
        );
        var steps = (double)settings.Epochs * batches.Count;
        var optimizer = new AdamW(Model.Parameters(), learningRate: settings.LearningRate);
        // FixMatch, section 2.3.
        var schedule = new LambdaLr(optimizer, step => Math.Cos(7 * Math.PI / 16 * Math.Min(1, step / steps)));
        var average = new ExponentialMovingAverage(Model.Parameters(), decay: 0);
        var trainer = new Trainer<SemiSupervisedBatch>(run.Folder, batches, settings.Epochs)
        {
            Observer = run.Observer,
            Evaluate = () =>
            {
                using (average.Apply())
                    return Test();
            },
        }
            .Track(ModelPart, new ModuleState(Model))
            .Track("optimizer", new OptimizerState(optimizer))
            .Track("schedule", new SchedulerState(schedule))
            .Track(AveragePart, new MovingAverageState(average))
            .Track("random", new GeneratorPart(random));
        if (method.State is { } state)
            trainer.Track("method", state);
        if (run.Resume)
            trainer.Resume();

        Model.Train();
        var finished = trainer.Run(
            batch =>
            {
                var step = trainer.Step;
                var result = method.Loss(new(Model, average, batch, step / steps));
                optimizer.ZeroGrad();
                result.Loss.Backward();
                optimizer.Step();
                schedule.Step();
                // Early averages follow the weights closely: the first ones are worth nothing.
                average.Decay = Math.Min(LastDecay, (1.0 + step) / (10.0 + step));
                average.Update();
                return result;
            },
            run.Stop
        );
        if (!finished)
            return null;
        average.CopyTo();
        return Results(trainer, settings.Epochs);
    }
}
