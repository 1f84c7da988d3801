using System.Globalization;
using CudaNet.Optim;

namespace CudaNet.Training;

/// <summary>The masks of a pruned network as a part of a checkpoint.</summary>
public sealed class PruningState(MagnitudePruning pruning) : IStateful
{
    /// <inheritdoc/>
    public void SaveState(TrainingState state)
    {
        foreach (var (index, mask) in pruning.Masks.Index())
            state.Add(Name(index), mask);
    }

    /// <inheritdoc/>
    public void LoadState(TrainingState state)
    {
        foreach (var (index, mask) in pruning.Masks.Index())
            state.Restore(Name(index), mask);
    }

    private static string Name(int index) => index.ToString(CultureInfo.InvariantCulture);
}
