namespace CudaNet.Optim;

/// <summary>Keeps the learning rates down by a factor for the first epochs: the simplest warm-up.</summary>
public sealed class ConstantLr : LrScheduler
{
    private readonly double _factor;
    private readonly int _totalIterations;

    /// <summary>A scheduler.</summary>
    /// <exception cref="AttributeException">The factor is not in [0, 1].</exception>
    public ConstantLr(Optimizer optimizer, double factor = 1.0 / 3, int totalIterations = 5)
        : base(optimizer)
    {
        (_factor, _totalIterations) = (RequireWithin(factor, 0, 1, "factor"), totalIterations);
        Begin();
    }

    /// <inheritdoc/>
    protected override double Next(double rate, double baseRate) =>
        LastEpoch == 0 ? rate * _factor
        : LastEpoch == _totalIterations ? rate * (1 / _factor)
        : rate;

    /// <inheritdoc/>
    protected override double Closed(double rate, double baseRate) =>
        LastEpoch >= _totalIterations ? baseRate : baseRate * _factor;
}
