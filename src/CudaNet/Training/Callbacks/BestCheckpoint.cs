using CudaNet.Nn;

namespace CudaNet.Training;

/// <summary>
/// Writes the weights of the best epoch so far into <c>best/</c> of the run's folder, a checkpoint of its own that the next better one replaces.
/// Where weights are averaged (<see cref="AveragedWeights"/>), these are the averages, which were judged.
/// </summary>
public sealed class BestCheckpoint(RunFolder folder, Module model, MetricMonitor monitor) : TrainingCallback
{
    private const string ModelPart = "model";

    /// <summary>Gives a network the weights of a run's best epoch.</summary>
    /// <exception cref="CheckpointException">There is none, it is damaged, or it is of another network.</exception>
    public static void Load(RunFolder folder, Module model) =>
        new ModuleState(model).LoadState(Checkpoint.Load(folder.BestPath).Section(ModelPart));

    /// <inheritdoc/>
    public override void OnEpochEnd(TrainingProgress progress)
    {
        if (!monitor.Improves(progress))
            return;
        var state = new TrainingState();
        state.Add("epoch", progress.Epoch);
        state.Add("metric", monitor.Metric);
        state.Add("value", monitor.Best);
        new ModuleState(model).SaveState(state.Section(ModelPart));
        Checkpoint.Save(folder.BestPath, state);
    }

    /// <inheritdoc/>
    public override void SaveState(TrainingState state) => monitor.SaveState(state);

    /// <inheritdoc/>
    public override void LoadState(TrainingState state) => monitor.LoadState(state);
}
