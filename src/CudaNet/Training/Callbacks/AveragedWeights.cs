using CudaNet.Optim;

namespace CudaNet.Training;

/// <summary>
/// Averages the weights over the steps of a run and judges the averages instead of the weights: they are in place while an epoch is evaluated, and
/// are what <see cref="EarlyStopping"/> and <see cref="BestCheckpoint"/> keep. Training goes on from the weights.
/// </summary>
public sealed class AveragedWeights(ExponentialMovingAverage average) : TrainingCallback
{
    private readonly MovingAverageState _state = new(average);

    /// <inheritdoc/>
    public override void OnStepEnd(TrainingStep step)
    {
        if (step.Updated)
            average.Update();
    }

    /// <inheritdoc/>
    public override IDisposable OnEvaluate() => average.Apply();

    /// <inheritdoc/>
    public override void SaveState(TrainingState state) => _state.SaveState(state);

    /// <inheritdoc/>
    public override void LoadState(TrainingState state) => _state.LoadState(state);
}
