using CudaNet.Nn;
using CudaNet.Optim;
using CudaNet.Reporting;
using CudaNet.Training;

namespace CudaNet.Models;

/// <summary>
/// A run of several trainings, one after the other, that are compared in the end: the "epochs" of its trainer are whole trainings, each of its own network. All take the same number of steps.
/// </summary>
/// <typeparam name="TMember">What tells one training from the others.</typeparam>
/// <param name="members">The trainings in their order.</param>
internal abstract class TrainingSeries<TMember>(IReadOnlyList<TMember> members)
    : IPreparedRecipe,
        IReportSections,
        IStateful
{
    private const string SeriesPart = "series";

    private Module<Tensor, Tensor>? _model;
    private Optimizer? _optimizer;
    private IStateful? _extra;
    private int _member = -1;
    private int _savedMember = -1;
    private IReadOnlyList<EpochMetrics> _outcomes = [];

    public abstract string Description { get; }

    public abstract long ParameterCount { get; }

    protected IReadOnlyList<TMember> Members => members;

    /// <summary>The network that is trained now.</summary>
    protected Module<Tensor, Tensor> Model =>
        _model ?? throw new InvalidOperationException("no training of the series has begun");

    /// <summary>Batches of one epoch of a training, which come again and again until <see cref="Steps"/> are done.</summary>
    protected abstract IBatches<ImageBatch> Batches(TMember member);

    /// <summary>Steps per training.</summary>
    protected abstract int Steps { get; }

    /// <summary>A training's network with its first weights.</summary>
    protected abstract Module<Tensor, Tensor> Build(TMember member);

    protected abstract Optimizer Optimize(Module<Tensor, Tensor> model);

    /// <summary>Called when a training begins, with the network that the one before has left, or null.</summary>
    protected virtual void OnBegin(TMember member, Module<Tensor, Tensor>? previous) { }

    /// <summary>Called after each step.</summary>
    protected virtual void OnStep() { }

    /// <summary>What else a checkpoint needs, called when <see cref="Model"/> has just been built.</summary>
    protected virtual IStateful? Extra(Module<Tensor, Tensor> model) => null;

    /// <summary>Judges the network at the end of its training; the numbers describe the member, too.</summary>
    protected abstract IReadOnlyList<(string Name, double Value)> Judge(TMember member);

    /// <summary>The numbers by which the series is judged.</summary>
    protected abstract Dictionary<string, double> Summarize();

    public abstract IReadOnlyList<ReportSection> ReportSections();

    /// <summary>A number that <see cref="Judge"/> gave, for each training that is over.</summary>
    protected IReadOnlyList<(TMember Member, double Value)> Outcomes(string name) =>
        [
            .. from outcome in _outcomes
            where outcome.Epoch <= members.Count
            from value in outcome.Values
            where value.Name == name
            select (members[(int)outcome.Epoch - 1], value.Value),
        ];

    public void Restore(RunFolder folder)
    {
        LoadState(Checkpoint.Load(folder.CheckpointPath).Section(SeriesPart));
        _outcomes = folder.ReadMetrics();
    }

    public IReadOnlyDictionary<string, double>? Run(RecipeRun run)
    {
        var perTraining = Steps;
        var trainer = new Trainer<ImageBatch>(run.Folder, new SeriesBatches(this, perTraining), members.Count)
        {
            Observer = run.Observer,
            Evaluate = () => Judge(members[_member]),
        }.Track(SeriesPart, this);
        if (run.Resume)
            trainer.Resume();
        var finished = trainer.Run(
            batch =>
            {
                Begin((int)(trainer.Step / perTraining));
                var logits = Model.Call(batch.Images);
                var loss = logits.CrossEntropy(batch.Labels);
                _optimizer!.ZeroGrad();
                loss.Backward();
                _optimizer.Step();
                OnStep();
                return new StepResult(loss);
            },
            run.Stop
        );
        if (!finished)
            return null;
        _outcomes = run.Folder.ReadMetrics();
        var results = Summarize();
        results["trainings"] = members.Count;
        results["steps"] = trainer.Step;
        results["train_seconds"] = trainer.Seconds;
        return results;
    }

    public void SaveState(TrainingState state)
    {
        // The trainer saves into one state again and again, and the optimiser before may have had more parameters.
        if (_savedMember != _member)
            state.Clear();
        _savedMember = _member;
        state.Add("member", _member);
        if (_member < 0)
            return;
        foreach (var (name, part) in Parts())
            part.SaveState(state.Section(name));
    }

    public void LoadState(TrainingState state)
    {
        _member = (int)state.Integer("member");
        if (_member < 0)
            return;
        if (_member >= members.Count)
            throw new CheckpointException(
                $"the checkpoint is of training {_member} of a series; here are {members.Count}"
            );
        Open(Build(members[_member]));
        foreach (var (name, part) in Parts())
            part.LoadState(state.Section(name));
    }

    private void Begin(int member)
    {
        if (member == _member)
            return;
        var previous = _model;
        _member = member;
        Open(Build(members[member]));
        OnBegin(members[member], previous);
    }

    private void Open(Module<Tensor, Tensor> model)
    {
        _model = model;
        _optimizer = Optimize(model);
        _extra = Extra(model);
    }

    private IEnumerable<(string Name, IStateful Part)> Parts()
    {
        yield return ("model", new ModuleState(Model));
        yield return ("optimizer", new OptimizerState(_optimizer!));
        if (_extra is not null)
            yield return ("extra", _extra);
    }

    /// <summary>An epoch of the trainer is all epochs of a training.</summary>
    private sealed class SeriesBatches(TrainingSeries<TMember> series, int count) : IBatches<ImageBatch>
    {
        private long _epoch = -1;
        private IBatches<ImageBatch>? _batches;

        public int Count => count;

        public ImageBatch Get(long epoch, int index)
        {
            if (_batches is null || epoch != _epoch)
                (_epoch, _batches) = (epoch, series.Batches(series.Members[(int)epoch]));
            return _batches.Get(index / _batches.Count, index % _batches.Count);
        }
    }
}
