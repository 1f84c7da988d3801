using CudaNet.IO;
using CudaNet.Nn;
using CudaNet.Optim;
using CudaNet.Reporting;
using CudaNet.Training;

namespace CudaNet.Models;

/// <summary>How a regression model is trained.</summary>
internal sealed record RegressionSettings(int Epochs, int BatchSize, double LearningRate, int Samples, long Seed);

/// <summary>A regression model with its data: the negative log-likelihood, minimised with Adam.</summary>
/// <param name="model">(N, 1) → (N, outputs of the family).</param>
/// <param name="problem">The process that draws the data, and the family.</param>
/// <param name="settings">How to train.</param>
internal sealed class RegressionTraining(Sequential model, RegressionProblem problem, RegressionSettings settings)
    : IPreparedRecipe,
        IReportSections
{
    private const string ModelPart = "model";

    private readonly Lazy<(Tensor Inputs, Tensor Targets)> _train = new(() => Draw(problem, settings, stream: 1));
    private readonly Lazy<(Tensor Inputs, Tensor Targets)> _test = new(() => Draw(problem, settings, stream: 2));

    public string Description => $"{problem.Family.Name} regression on {settings.Samples} drawn samples";

    public long ParameterCount => model.ParameterCount;

    public void Restore(RunFolder folder) =>
        new ModuleState(model).LoadState(Checkpoint.Load(folder.CheckpointPath).Section(ModelPart));

    public IReadOnlyDictionary<string, double>? Run(RecipeRun run)
    {
        var (inputs, targets) = _train.Value;
        var optimizer = new Adam(model.Parameters(), learningRate: settings.LearningRate);
        var batches = new ArrayBatches(
            [inputs.ToNamedArray("inputs"), targets.ToNamedArray("targets")],
            settings.BatchSize,
            seed: (ulong)settings.Seed
        );
        var trainer = new Trainer<ArrayBatch>(run.Folder, batches, settings.Epochs)
        {
            Observer = run.Observer,
            Evaluate = () => [("test_loss", TestLoss())],
        }
            .Track(ModelPart, new ModuleState(model))
            .Track("optimizer", new OptimizerState(optimizer));
        if (run.Resume)
            trainer.Resume();
        var finished = trainer.Run(
            batch =>
            {
                var loss = problem.Family.Loss(model.Call(batch["inputs"]), batch["targets"]);
                optimizer.ZeroGrad();
                loss.Backward();
                optimizer.Step();
                return new StepResult(loss);
            },
            run.Stop
        );
        return finished ? Results(trainer) : null;
    }

    public IReadOnlyList<ReportSection> ReportSections() => RegressionReport.Sections(model, problem, _test.Value);

    private Dictionary<string, double> Results(Trainer<ArrayBatch> trainer)
    {
        using var frame = Lifetime.Frame();
        using var noGrad = Autograd.NoGrad();
        var (inputs, targets) = _test.Value;
        var least = -problem.Truth(inputs.Squeeze(1)).LogProb(targets).Mean();
        var (loss, possible) = (TestLoss(), least.Item());
        var results = new Dictionary<string, double>
        {
            ["test_loss"] = loss,
            // The loss of whoever knows the process, and how far the model is above it: an estimate of the KL divergence.
            ["true_loss"] = possible,
            ["excess_loss"] = loss - possible,
        };
        if (problem.IsClassification)
            results["test_accuracy"] = Accuracy(inputs, targets);
        if (problem.Family.Name == "linear")
            results["distance_from_least_squares"] = DistanceFromLeastSquares();
        results["epochs"] = settings.Epochs;
        results["steps"] = trainer.Step;
        results["train_seconds"] = trainer.Seconds;
        return results;
    }

    private double TestLoss()
    {
        using var frame = Lifetime.Frame();
        using var noGrad = Autograd.NoGrad();
        var (inputs, targets) = _test.Value;
        return problem.Family.Loss(model.Call(inputs), targets).Item();
    }

    private double Accuracy(Tensor inputs, Tensor targets)
    {
        var predicted = problem.Family.Predict(model.Call(inputs));
        if (predicted.DType.IsFloating)
            predicted = predicted.Gt(0.5).Cast(targets.DType);
        return predicted.Eq(targets).Cast(DType.Float32).Mean().Item();
    }

    /// <summary>The largest difference of a weight from the best one for the training set.</summary>
    private double DistanceFromLeastSquares()
    {
        var (inputs, targets) = _train.Value;
        var best = LeastSquares.Solve(LeastSquares.WithIntercept(inputs), targets).ToDoubles();
        var (bias, weight) = (model.StateDict()["0.bias"].Item(), model.StateDict()["0.weight"].Item());
        return Math.Max(Math.Abs(bias - best[0]), Math.Abs(weight - best[1]));
    }

    private static (Tensor, Tensor) Draw(RegressionProblem problem, RegressionSettings settings, long stream)
    {
        var generator = new Generator(settings.Seed) { Offset = stream << 40 };
        var (inputs, targets) = problem.Draw(settings.Samples, generator);
        return (inputs.Keep(), targets.Keep());
    }
}
