using CudaNet.Optim;

namespace CudaNet.Training;

/// <summary>Remembers the best value of one of an epoch's metrics.</summary>
public sealed class MetricMonitor : IStateful
{
    private readonly MetricMode _mode;
    private readonly double _minDelta;

    /// <summary>A monitor that has seen nothing.</summary>
    /// <param name="metric">The metric's name in metrics.jsonl, such as <c>test_loss</c>.</param>
    /// <param name="mode">Whether less or more is better.</param>
    /// <param name="minDelta">How much better than the best a value must be to count; in the metric's unit, not negative.</param>
    /// <exception cref="AttributeException">The difference is negative or not finite.</exception>
    public MetricMonitor(string metric, MetricMode mode = MetricMode.Min, double minDelta = 0)
    {
        if (!(minDelta >= 0 && double.IsFinite(minDelta)))
            throw new AttributeException(
                $"MetricMonitor: expected a finite minimum difference of at least 0, got {minDelta}"
            );
        (Metric, _mode, _minDelta) = (metric, mode, minDelta);
        Best = mode == MetricMode.Min ? double.PositiveInfinity : double.NegativeInfinity;
    }

    /// <summary>The metric's name.</summary>
    public string Metric { get; }

    /// <summary>The best value so far; infinite before the first.</summary>
    public double Best { get; private set; }

    /// <summary>The epoch of the best value, from 1; 0 before the first.</summary>
    public long BestEpoch { get; private set; }

    /// <summary>Whether an epoch's value is better than the best, which it then replaces. NaN never is.</summary>
    /// <exception cref="AttributeException">The epoch has no such metric.</exception>
    public bool Improves(TrainingProgress progress)
    {
        var value = ValueOf(progress, Metric);
        if (!(_mode == MetricMode.Min ? value < Best - _minDelta : value > Best + _minDelta))
            return false;
        (Best, BestEpoch) = (value, progress.Epoch);
        return true;
    }

    /// <inheritdoc/>
    public void SaveState(TrainingState state)
    {
        state.Add("best", Best);
        state.Add("best_epoch", BestEpoch);
    }

    /// <inheritdoc/>
    public void LoadState(TrainingState state) =>
        (Best, BestEpoch) = (state.Number("best"), state.Integer("best_epoch"));

    /// <summary>A metric of an epoch.</summary>
    /// <exception cref="AttributeException">The epoch has no such metric.</exception>
    internal static double ValueOf(TrainingProgress progress, string metric)
    {
        foreach (var (name, value) in progress.Metrics)
            if (name == metric)
                return value;
        throw new AttributeException(
            $"there is no metric '{metric}' to watch; the epoch has {string.Join(", ", progress.Metrics.Select(m => m.Name))}"
        );
    }
}
