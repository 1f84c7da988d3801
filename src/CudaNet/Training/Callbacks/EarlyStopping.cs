using CudaNet.Nn;
using CudaNet.Optim;

namespace CudaNet.Training;

/// <summary>
/// Ends training when a metric has not improved for some epochs (Prechelt 1998), and gives the network the weights of the best epoch when the run
/// ends, whether early or not. The checkpoint keeps both the last weights, from which training may go on, and the best.
/// </summary>
/// <example><code>
/// trainer.Add("early_stopping", new EarlyStopping(model, new MetricMonitor("test_loss"), patience: 3));
/// </code></example>
public sealed class EarlyStopping : TrainingCallback
{
    private readonly Module _model;
    private readonly MetricMonitor _monitor;
    private readonly int _patience;
    private readonly Dictionary<string, Tensor> _best = new(StringComparer.Ordinal);

    /// <summary>A callback.</summary>
    /// <param name="model">The network whose parameters and buffers are kept and restored.</param>
    /// <param name="monitor">What is watched.</param>
    /// <param name="patience">After how many epochs in a row without improvement training ends; at least 1.</param>
    /// <exception cref="AttributeException">The patience is below 1.</exception>
    public EarlyStopping(Module model, MetricMonitor monitor, int patience)
    {
        if (patience < 1)
            throw new AttributeException($"EarlyStopping: expected a patience of at least 1 epoch, got {patience}");
        (_model, _monitor, _patience) = (model, monitor, patience);
    }

    /// <summary>How many epochs in a row were no improvement.</summary>
    public int BadEpochs { get; private set; }

    /// <summary>The epoch whose weights are kept, from 1; 0 before the first.</summary>
    public long BestEpoch => _monitor.BestEpoch;

    /// <inheritdoc/>
    public override bool WantsStop => BadEpochs >= _patience;

    /// <inheritdoc/>
    public override void OnEpochEnd(TrainingProgress progress)
    {
        if (!_monitor.Improves(progress))
        {
            BadEpochs++;
            return;
        }
        BadEpochs = 0;
        foreach (var (name, tensor) in _model.StateDict())
            Kept(name, tensor).Assign(tensor);
    }

    /// <summary>Gives the network the best weights.</summary>
    public override void OnRunEnd()
    {
        if (_best.Count == 0)
            return;
        foreach (var (name, tensor) in _model.StateDict())
            tensor.Assign(_best[name]);
    }

    /// <inheritdoc/>
    public override void SaveState(TrainingState state)
    {
        _monitor.SaveState(state);
        state.Add("bad_epochs", BadEpochs);
        var weights = state.Section("weights");
        foreach (var (name, tensor) in _best)
            weights.Add(name, tensor);
    }

    /// <inheritdoc/>
    public override void LoadState(TrainingState state)
    {
        _monitor.LoadState(state);
        BadEpochs = (int)state.Integer("bad_epochs");
        if (BestEpoch == 0)
            return;
        var weights = state.Section("weights");
        foreach (var (name, tensor) in _model.StateDict())
            weights.Restore(name, Kept(name, tensor));
    }

    private Tensor Kept(string name, Tensor tensor)
    {
        if (!_best.TryGetValue(name, out var kept))
            _best[name] = kept = Tensor.Empty(tensor.Shape, tensor.DType, tensor.Device).Keep();
        return kept;
    }
}
