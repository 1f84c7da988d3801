using System.Diagnostics;
using System.Text.Json.Nodes;

namespace CudaNet.Training;

/// <summary>What all trainers share.</summary>
public static class Trainer
{
    /// <summary>The range, on a profiler's timeline, that each step is in.</summary>
    public const string StepRange = "step";
}

/// <summary>
/// Runs a step over the batches of some epochs, writes the metrics of each epoch and a checkpoint after it, and continues an
/// interrupted run bit for bit: with the same metrics and the same weights as if it had never stopped.
/// </summary>
/// <param name="folder">Where metrics and checkpoints go.</param>
/// <param name="batches">The training set.</param>
/// <param name="epochs">Epochs in all, those of earlier sessions included.</param>
public sealed class Trainer<TBatch>(RunFolder folder, IBatches<TBatch> batches, long epochs)
    where TBatch : IBatch
{
    // Scalars are read back in groups, so that a GPU is not waited for after every step.
    private const int StepsPerReading = 8;

    private readonly List<(string Name, IStateful Part)> _parts = [];
    private readonly List<TrainingCallback> _callbacks = [];
    private readonly TrainingState _saved = new();
    private readonly List<(long Step, int Items, List<(string Name, Tensor Value)> Values)> _unread = [];
    private readonly List<(string Name, double Sum)> _sums = [];
    private readonly Stopwatch _clock = new();
    private long _epoch;
    private int _batch;
    private long _items;
    private double _earlierSeconds;
    private double _epochSeconds;
    private int _itemsThisSession;
    private double _sessionMark;

    /// <summary>Is told how the run goes.</summary>
    public ITrainingObserver? Observer { get; init; }

    /// <summary>
    /// Judges the network after each epoch, such as on a test set; the numbers join the epoch's metrics. It must draw no random numbers that training
    /// draws from too, and its time is not counted.
    /// </summary>
    public Func<IReadOnlyList<(string Name, double Value)>>? Evaluate { get; init; }

    /// <summary>A checkpoint is also written within an epoch when this long has passed since the last.</summary>
    public TimeSpan CheckpointInterval { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Steps done since the run began.</summary>
    public long Step => _epoch * batches.Count + _batch;

    /// <summary>Seconds spent on steps since the run began, earlier sessions included.</summary>
    public double Seconds => _earlierSeconds + _clock.Elapsed.TotalSeconds;

    /// <summary>The means of the last complete epoch, the loss first, and what <see cref="Evaluate"/> found after it.</summary>
    public IReadOnlyList<(string Name, double Value)> LastEpoch { get; private set; } = [];

    /// <summary>Makes something a part of the checkpoints. Everything that the next step depends on must be.</summary>
    public Trainer<TBatch> Track(string name, IStateful part)
    {
        if (_parts.Any(p => p.Name == name))
            throw new ArgumentException($"a part '{name}' is tracked already", nameof(name));
        _parts.Add((name, part));
        return this;
    }

    /// <summary>Makes something go along with the run, and makes its state a part of the checkpoints.</summary>
    public Trainer<TBatch> Add(string name, TrainingCallback callback)
    {
        Track(name, callback);
        _callbacks.Add(callback);
        return this;
    }

    /// <summary>Continues from the folder's checkpoint.</summary>
    /// <exception cref="CheckpointException">There is none, it is damaged, or it is of another network.</exception>
    public void Resume()
    {
        var state = Checkpoint.Load(folder.CheckpointPath);
        var own = state.Section("trainer");
        (_epoch, _batch, _items) = (own.Integer("epoch"), (int)own.Integer("batch"), own.Integer("items"));
        if (own.Integer("batches_per_epoch") != batches.Count || _epoch < 0 || _batch < 0 || _batch >= batches.Count)
            throw new CheckpointException(
                $"{folder.CheckpointPath}: was written for {own.Integer("batches_per_epoch")} batches per epoch, the data now give "
                    + $"{batches.Count}; use the same data and batch size"
            );
        (_earlierSeconds, _epochSeconds) = (own.Number("seconds"), own.Number("epoch_seconds"));
        ReadMetrics(own, "sum", _sums);
        var last = new List<(string, double)>();
        ReadMetrics(own, "last", last);
        LastEpoch = last;
        foreach (var (name, part) in _parts)
            part.LoadState(state.Section(name));
        folder.CutMetrics(own.Integer("metrics_length"));
    }

    /// <summary>
    /// Trains until all epochs are done, a callback wants to stop, or <paramref name="stop"/> asks to end; each leaves a checkpoint. A new run begins with
    /// one, too, so that it can be continued whenever it is killed.
    /// </summary>
    /// <param name="step">One update, run in a lifetime frame: forward, backward, and the steps of any number of optimisers.</param>
    /// <param name="stop">Asks to stop after the step at hand.</param>
    /// <returns>Whether the run is complete, by its epochs or by a callback.</returns>
    public bool Run(Func<TBatch, StepResult> step, CancellationToken stop = default)
    {
        var saved = false;
        if (!Checkpoint.Exists(folder.CheckpointPath))
        {
            Save();
            saved = true;
        }
        var sinceCheckpoint = Stopwatch.StartNew();
        BeginSession();
        Observer?.OnProgress(Progress());
        while (_epoch < epochs && !_callbacks.Any(callback => callback.WantsStop))
        {
            if (stop.IsCancellationRequested)
            {
                if (!saved)
                    Save();
                return false;
            }
            OneStep(step);
            saved = false;
            if (_batch == batches.Count)
            {
                EndEpoch();
            }
            else
            {
                if (_unread.Count >= StepsPerReading)
                    ReadScalars();
                if (sinceCheckpoint.Elapsed < CheckpointInterval)
                    continue;
            }
            Save();
            saved = true;
            sinceCheckpoint.Restart();
        }
        foreach (var callback in _callbacks)
            callback.OnRunEnd();
        return true;
    }

    private void OneStep(Func<TBatch, StepResult> step)
    {
        _clock.Start();
        using (Lifetime.Frame())
        {
            var at = new TrainingStep(_epoch, _batch, batches.Count);
            foreach (var callback in _callbacks)
                callback.OnStepBegin(at);
            TBatch batch;
            using (Profiler.Range("batch"))
                batch = batches.Get(_epoch, _batch);
            using var range = Profiler.Range(Trainer.StepRange);
            var result = step(batch);
            // Detached, or the scalar would keep the step's whole graph.
            _unread.Add((Step + 1, batch.Count, [.. result.Values.Select(v => (v.Name, v.Value.Detach().Keep()))]));
            _items += batch.Count;
            _itemsThisSession += batch.Count;
            foreach (var callback in _callbacks)
                callback.OnStepEnd(at);
        }
        _batch++;
        _clock.Stop();
    }

    private void ReadScalars()
    {
        _clock.Start();
        foreach (var (step, items, values) in _unread)
        {
            var read = new (string Name, double Value)[values.Count];
            for (var i = 0; i < values.Count; i++)
            {
                var (name, value) = values[i];
                if (i == _sums.Count)
                    _sums.Add((name, 0));
                read[i] = (name, value.Item());
                _sums[i] = (name, _sums[i].Sum + items * read[i].Value);
                value.Release();
            }
            foreach (var callback in _callbacks)
                callback.OnScalars(step, read);
        }
        _unread.Clear();
        _clock.Stop();
        Observer?.OnProgress(Progress());
    }

    private void EndEpoch()
    {
        ReadScalars();
        var progress = Judge(Progress());
        LastEpoch = progress.Metrics;
        var line = new JsonObject { ["epoch"] = progress.Epoch, ["step"] = progress.Step };
        foreach (var (name, value) in progress.Metrics)
            line[name] = RunFolder.Number(value);
        line["items_per_second"] = RunFolder.Number(Math.Round(progress.ItemsPerSecond, 1));
        line["seconds"] = RunFolder.Number(Math.Round(Seconds - _epochSeconds, 3));
        folder.AppendMetrics(line);
        _epoch++;
        _batch = 0;
        _items = 0;
        _sums.Clear();
        _epochSeconds = Seconds;
        Observer?.OnEpoch(progress);
        BeginSession();
    }

    private TrainingProgress Judge(TrainingProgress progress)
    {
        var scopes = new Stack<IDisposable>();
        try
        {
            foreach (var callback in _callbacks)
                if (callback.OnEvaluate() is { } scope)
                    scopes.Push(scope);
            if (Evaluate is not null)
                progress = progress with { Metrics = [.. progress.Metrics, .. Evaluate()] };
            foreach (var callback in _callbacks)
                callback.OnEpochEnd(progress);
        }
        finally
        {
            while (scopes.TryPop(out var scope))
                scope.Dispose();
        }
        return progress;
    }

    private void BeginSession()
    {
        _itemsThisSession = 0;
        _sessionMark = _clock.Elapsed.TotalSeconds;
    }

    private TrainingProgress Progress()
    {
        var seconds = _clock.Elapsed.TotalSeconds - _sessionMark;
        return new(
            Math.Min(_epoch + 1, epochs),
            epochs,
            _batch,
            batches.Count,
            Step,
            seconds > 0 ? _itemsThisSession / seconds : 0,
            Seconds,
            [.. _sums.Select(sum => (sum.Name, sum.Sum / _items))]
        );
    }

    private void Save()
    {
        ReadScalars();
        var state = _saved;
        var own = state.Section("trainer");
        own.Add("epoch", _epoch);
        own.Add("batch", _batch);
        own.Add("batches_per_epoch", batches.Count);
        own.Add("items", _items);
        own.Add("seconds", Seconds);
        own.Add("epoch_seconds", _epochSeconds);
        own.Add("metrics_length", folder.MetricsLength);
        WriteMetrics(own, "sum", _sums);
        WriteMetrics(own, "last", LastEpoch);
        foreach (var (name, part) in _parts)
            part.SaveState(state.Section(name));
        Checkpoint.Save(folder.CheckpointPath, state);
    }

    private static void WriteMetrics(
        TrainingState state,
        string kind,
        IReadOnlyList<(string Name, double Value)> metrics
    )
    {
        state.Add($"{kind}_count", metrics.Count);
        for (var i = 0; i < metrics.Count; i++)
        {
            state.Add($"{kind}{i}_name", metrics[i].Name);
            state.Add($"{kind}{i}_value", metrics[i].Value);
        }
    }

    private static void ReadMetrics(TrainingState state, string kind, List<(string, double)> metrics)
    {
        metrics.Clear();
        var count = state.Integer($"{kind}_count");
        for (var i = 0; i < count; i++)
            metrics.Add((state.Text($"{kind}{i}_name"), state.Number($"{kind}{i}_value")));
    }
}
