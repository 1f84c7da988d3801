namespace CudaNet.Training;

/// <summary>The step that a trainer is about to run, or has just run.</summary>
/// <param name="Epoch">The epoch, from 0.</param>
/// <param name="Batch">The batch within the epoch, from 0.</param>
/// <param name="Batches">Batches per epoch.</param>
public sealed record TrainingStep(long Epoch, int Batch, int Batches)
{
    /// <summary>
    /// Whether the parameters have changed. <see cref="GradientStep"/> says false while it only accumulates gradients; averages and
    /// schedules then pass the step over.
    /// </summary>
    public bool Updated { get; set; } = true;
}

/// <summary>
/// Something that goes along with a training run: <see cref="Trainer{TBatch}.Add"/> makes it a part of the checkpoints and calls it at each of
/// the moments below, in the order in which callbacks were added. Every method may be left as it is.
/// </summary>
public abstract class TrainingCallback : IStateful
{
    /// <summary>Whether training is to end although epochs are left; asked before every step.</summary>
    public virtual bool WantsStop => false;

    /// <summary>Before a step; its batch has not been made yet.</summary>
    public virtual void OnStepBegin(TrainingStep step) { }

    /// <summary>After a step, within its lifetime frame.</summary>
    public virtual void OnStepEnd(TrainingStep step) { }

    /// <summary>A step's scalars have been read from the device, some steps later.</summary>
    /// <param name="step">How many steps were done after it, itself included.</param>
    /// <param name="values">The scalars, the loss first.</param>
    public virtual void OnScalars(long step, IReadOnlyList<(string Name, double Value)> values) { }

    /// <summary>
    /// The epoch is to be judged: what is returned is disposed after <see cref="OnEpochEnd"/>. This is where other weights are put in place for a while.
    /// </summary>
    public virtual IDisposable? OnEvaluate() => null;

    /// <summary>The epoch has been judged; the weights are still those that were judged.</summary>
    /// <param name="progress">Its metrics include what <see cref="Trainer{TBatch}.Evaluate"/> found.</param>
    public virtual void OnEpochEnd(TrainingProgress progress) { }

    /// <summary>No step is left to do; the last checkpoint has been written. Not called when the run is interrupted.</summary>
    public virtual void OnRunEnd() { }

    /// <inheritdoc/>
    public virtual void SaveState(TrainingState state) { }

    /// <inheritdoc/>
    public virtual void LoadState(TrainingState state) { }
}
