namespace CudaNet.Training;

/// <summary>
/// A part of a training run that a checkpoint must hold for the run to continue bit for bit: parameters, an optimiser, a random
/// generator, a loader's position.
/// </summary>
public interface IStateful
{
    /// <summary>Adds everything that the next step depends on.</summary>
    void SaveState(TrainingState state);

    /// <summary>Takes back what <see cref="SaveState"/> added.</summary>
    /// <exception cref="CheckpointException">Something is missing or does not fit.</exception>
    void LoadState(TrainingState state);
}
