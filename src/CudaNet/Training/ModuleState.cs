using CudaNet.Nn;

namespace CudaNet.Training;

/// <summary>The parameters and buffers of a module as a part of a checkpoint.</summary>
public sealed class ModuleState(Module module) : IStateful
{
    /// <inheritdoc/>
    public void SaveState(TrainingState state)
    {
        foreach (var (name, tensor) in module.StateDict())
            state.Add(name, tensor);
    }

    /// <inheritdoc/>
    public void LoadState(TrainingState state)
    {
        var own = module.StateDict();
        if (state.ArrayNames.FirstOrDefault(name => !own.ContainsKey(name)) is { } unknown)
            throw new CheckpointException($"the checkpoint is of another network: this one has no '{unknown}'");
        foreach (var (name, tensor) in own)
            state.Restore(name, tensor);
    }
}
