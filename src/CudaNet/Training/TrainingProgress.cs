namespace CudaNet.Training;

/// <summary>Where a training run stands.</summary>
/// <param name="Epoch">The epoch that is being worked on, from 1.</param>
/// <param name="Epochs">Epochs in all.</param>
/// <param name="Batch">Batches of this epoch that are done.</param>
/// <param name="Batches">Batches per epoch.</param>
/// <param name="Step">Steps done since the run began.</param>
/// <param name="ItemsPerSecond">Items that steps work through per second, in this epoch.</param>
/// <param name="Seconds">Time spent on steps since the run began, earlier sessions included.</param>
/// <param name="Metrics">Means over the epoch so far, the loss first.</param>
public sealed record TrainingProgress(
    long Epoch,
    long Epochs,
    int Batch,
    int Batches,
    long Step,
    double ItemsPerSecond,
    double Seconds,
    IReadOnlyList<(string Name, double Value)> Metrics
);

/// <summary>Is told how a training run goes.</summary>
public interface ITrainingObserver
{
    /// <summary>Some steps were done, or the run begins or continues.</summary>
    void OnProgress(TrainingProgress progress);

    /// <summary>An epoch is complete and its metrics are written.</summary>
    void OnEpoch(TrainingProgress progress);
}
