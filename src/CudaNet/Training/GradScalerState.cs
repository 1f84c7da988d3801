using CudaNet.Optim;

namespace CudaNet.Training;

/// <summary>The loss scale and how long it has been good, as part of a checkpoint.</summary>
public sealed class GradScalerState(GradScaler scaler) : IStateful
{
    /// <inheritdoc/>
    public void SaveState(TrainingState state)
    {
        state.Add("scale", scaler.CurrentScale);
        state.Add("growth_tracker", scaler.GrowthTracker);
    }

    /// <inheritdoc/>
    public void LoadState(TrainingState state) =>
        scaler.Restore(state.Number("scale"), (int)state.Integer("growth_tracker"));
}
