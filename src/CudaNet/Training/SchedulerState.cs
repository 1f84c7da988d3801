using CudaNet.Optim;

namespace CudaNet.Training;

/// <summary>Where a scheduler of learning rates stands, as part of a checkpoint; the rates themselves are the optimiser's.</summary>
public sealed class SchedulerState : IStateful
{
    private readonly Func<IReadOnlyDictionary<string, double>> _save;
    private readonly Action<IReadOnlyDictionary<string, double>> _load;

    /// <summary>The state of a scheduler that counts epochs.</summary>
    public SchedulerState(LrScheduler scheduler) =>
        (_save, _load) = (scheduler.StateDictionary, scheduler.LoadStateDictionary);

    /// <summary>The state of a scheduler that watches a metric.</summary>
    public SchedulerState(ReduceLrOnPlateau scheduler) =>
        (_save, _load) = (scheduler.StateDictionary, scheduler.LoadStateDictionary);

    /// <inheritdoc/>
    public void SaveState(TrainingState state)
    {
        foreach (var (name, value) in _save())
            state.Add(name, value);
    }

    /// <inheritdoc/>
    public void LoadState(TrainingState state) =>
        _load(_save().Keys.ToDictionary(name => name, state.Number, StringComparer.Ordinal));
}
