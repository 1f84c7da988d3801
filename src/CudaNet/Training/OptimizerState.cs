using CudaNet.IO;
using CudaNet.Optim;

namespace CudaNet.Training;

/// <summary>Step counts, learning rates and running averages of an optimiser as a part of a checkpoint.</summary>
public sealed class OptimizerState(Optimizer optimizer) : IStateful
{
    /// <inheritdoc/>
    public void SaveState(TrainingState state)
    {
        using var frame = Lifetime.Frame();
        foreach (var (name, tensor) in optimizer.StateDictionary())
            state.Add(name, tensor);
    }

    /// <inheritdoc/>
    public void LoadState(TrainingState state)
    {
        using var frame = Lifetime.Frame();
        var stored = state.ArrayNames.ToDictionary(
            name => name,
            name => state.Array(name).ToTensor(Device.Cpu),
            StringComparer.Ordinal
        );
        try
        {
            optimizer.LoadStateDictionary(stored);
        }
        catch (Exception e) when (e is AttributeException or ShapeException)
        {
            throw new CheckpointException($"the checkpoint is of another optimiser: {e.Message}", e);
        }
    }
}
