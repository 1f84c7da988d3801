using CudaNet.Optim;

namespace CudaNet.Training;

/// <summary>The averages of parameters, and their decay, as a part of a checkpoint.</summary>
public sealed class MovingAverageState(ExponentialMovingAverage average) : IStateful
{
    /// <inheritdoc/>
    public void SaveState(TrainingState state)
    {
        state.Add("decay", average.Decay);
        foreach (var (name, tensor) in average.StateDictionary())
            state.Add(name, tensor);
    }

    /// <inheritdoc/>
    public void LoadState(TrainingState state)
    {
        var own = average.StateDictionary();
        if (state.ArrayNames.FirstOrDefault(name => !own.ContainsKey(name)) is { } unknown)
            throw new CheckpointException($"the checkpoint averages other parameters: here is no number '{unknown}'");
        foreach (var (name, tensor) in own)
            state.Restore(name, tensor);
        average.Decay = state.Number("decay");
    }
}
