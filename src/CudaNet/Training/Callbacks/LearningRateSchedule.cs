using CudaNet.Optim;

namespace CudaNet.Training;

/// <summary>When a schedule goes on.</summary>
public enum ScheduleInterval
{
    /// <summary>After each epoch.</summary>
    Epoch,

    /// <summary>After each step that has changed the parameters.</summary>
    Step,
}

/// <summary>Lets a schedule of learning rates go on by itself. The rates are part of the optimiser's state, which must be tracked, too.</summary>
/// <example><code>
/// trainer
///     .Track("optimizer", new OptimizerState(optimizer))
///     .Add("schedule", new LearningRateSchedule(new CosineAnnealingLr(optimizer, steps), ScheduleInterval.Step));
/// </code></example>
public sealed class LearningRateSchedule : TrainingCallback
{
    private readonly Action? _afterStep;
    private readonly Action<TrainingProgress>? _afterEpoch;
    private readonly SchedulerState _state;

    /// <summary>A schedule that counts epochs or steps.</summary>
    public LearningRateSchedule(LrScheduler scheduler, ScheduleInterval interval = ScheduleInterval.Epoch)
    {
        _state = new SchedulerState(scheduler);
        if (interval == ScheduleInterval.Step)
            _afterStep = scheduler.Step;
        else
            _afterEpoch = _ => scheduler.Step();
    }

    /// <summary>A schedule that lowers the rates when a metric stays as it is.</summary>
    /// <param name="scheduler">The schedule; it says whether less or more is better.</param>
    /// <param name="metric">The metric's name in metrics.jsonl, such as <c>test_loss</c>.</param>
    public LearningRateSchedule(ReduceLrOnPlateau scheduler, string metric)
    {
        _state = new SchedulerState(scheduler);
        _afterEpoch = progress => scheduler.Step(MetricMonitor.ValueOf(progress, metric));
    }

    /// <inheritdoc/>
    public override void OnStepEnd(TrainingStep step)
    {
        if (step.Updated)
            _afterStep?.Invoke();
    }

    /// <inheritdoc/>
    public override void OnEpochEnd(TrainingProgress progress) => _afterEpoch?.Invoke(progress);

    /// <inheritdoc/>
    public override void SaveState(TrainingState state) => _state.SaveState(state);

    /// <inheritdoc/>
    public override void LoadState(TrainingState state) => _state.LoadState(state);
}
