namespace CudaNet.Optim;

/// <summary>What of a metric is better.</summary>
public enum MetricMode
{
    /// <summary>Less.</summary>
    Min,

    /// <summary>More.</summary>
    Max,
}

/// <summary>How a threshold of improvement is meant.</summary>
public enum ThresholdMode
{
    /// <summary>As a part of the best value.</summary>
    Relative,

    /// <summary>As a difference from it.</summary>
    Absolute,
}

/// <summary>Multiplies the learning rates by a factor when a metric has not improved for some epochs.</summary>
public sealed class ReduceLrOnPlateau
{
    private readonly Optimizer _optimizer;
    private readonly MetricMode _mode;
    private readonly double _factor;
    private readonly int _patience;
    private readonly double _threshold;
    private readonly ThresholdMode _thresholdMode;
    private readonly int _cooldown;
    private readonly double _minimum;
    private readonly double _eps;
    private int _cooldownLeft;

    /// <summary>A scheduler.</summary>
    /// <param name="optimizer">The optimiser whose rates it sets.</param>
    /// <param name="mode">Whether less or more is better.</param>
    /// <param name="factor">What the rates are multiplied by; below 1.</param>
    /// <param name="patience">How many epochs without improvement are borne.</param>
    /// <param name="threshold">What counts as an improvement.</param>
    /// <param name="thresholdMode">How the threshold is meant.</param>
    /// <param name="cooldown">How many epochs after a change are not counted.</param>
    /// <param name="minimum">The lowest rate.</param>
    /// <param name="eps">A change smaller than this is not made.</param>
    /// <exception cref="AttributeException">The factor is not below 1.</exception>
    public ReduceLrOnPlateau(
        Optimizer optimizer,
        MetricMode mode = MetricMode.Min,
        double factor = 0.1,
        int patience = 10,
        double threshold = 1e-4,
        ThresholdMode thresholdMode = ThresholdMode.Relative,
        int cooldown = 0,
        double minimum = 0,
        double eps = 1e-8
    )
    {
        if (!(factor < 1))
            throw new AttributeException($"ReduceLrOnPlateau: expected a factor below 1, got {factor}");
        (_optimizer, _mode, _factor, _patience) = (optimizer, mode, factor, patience);
        (_threshold, _thresholdMode, _cooldown) = (threshold, thresholdMode, cooldown);
        (_minimum, _eps) = (minimum, eps);
        Best = mode == MetricMode.Min ? double.PositiveInfinity : double.NegativeInfinity;
    }

    /// <summary>The best value of the metric so far.</summary>
    public double Best { get; private set; }

    /// <summary>How many epochs in a row were no improvement.</summary>
    public int BadEpochs { get; private set; }

    /// <summary>Takes note of an epoch's metric, and lowers the rates when it is time.</summary>
    public void Step(double metric)
    {
        if (IsBetter(metric))
            (Best, BadEpochs) = (metric, 0);
        else
            BadEpochs++;
        if (_cooldownLeft > 0)
        {
            _cooldownLeft--;
            BadEpochs = 0;
        }
        if (BadEpochs <= _patience)
            return;
        foreach (var group in _optimizer.Groups)
        {
            var rate = Math.Max(group.LearningRate * _factor, _minimum);
            if (group.LearningRate - rate > _eps)
                group.LearningRate = rate;
        }
        (_cooldownLeft, BadEpochs) = (_cooldown, 0);
    }

    private bool IsBetter(double metric)
    {
        var less = _mode == MetricMode.Min;
        var bound =
            _thresholdMode == ThresholdMode.Absolute
                ? Best + (less ? -_threshold : _threshold)
                : Best * (less ? 1 - _threshold : 1 + _threshold);
        return less ? metric < bound : metric > bound;
    }

    /// <summary>What a checkpoint needs, by name.</summary>
    public IReadOnlyDictionary<string, double> StateDictionary() =>
        new Dictionary<string, double>(StringComparer.Ordinal)
        {
            ["best"] = Best,
            ["num_bad_epochs"] = BadEpochs,
            ["cooldown_counter"] = _cooldownLeft,
        };

    /// <summary>Takes over what <see cref="StateDictionary"/> gave.</summary>
    /// <exception cref="AttributeException">A value is missing.</exception>
    public void LoadStateDictionary(IReadOnlyDictionary<string, double> state)
    {
        (Best, BadEpochs, _cooldownLeft) = (
            Value("best"),
            (int)Value("num_bad_epochs"),
            (int)Value("cooldown_counter")
        );

        double Value(string name) =>
            state.TryGetValue(name, out var value)
                ? value
                : throw new AttributeException($"ReduceLrOnPlateau: the state lacks '{name}'");
    }
}
