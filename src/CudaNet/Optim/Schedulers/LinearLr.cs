namespace CudaNet.Optim;

/// <summary>Moves the factor of the learning rates linearly from one value to another over the first epochs: a linear warm-up, or a linear decay.</summary>
public sealed class LinearLr : LrScheduler
{
    private readonly double _start;
    private readonly double _end;
    private readonly int _totalIterations;

    /// <summary>A scheduler.</summary>
    /// <exception cref="AttributeException">A factor is out of range (the first one may not be 0), or there are no iterations.</exception>
    public LinearLr(Optimizer optimizer, double startFactor = 1.0 / 3, double endFactor = 1, int totalIterations = 5)
        : base(optimizer)
    {
        _start = RequireWithin(startFactor, double.Epsilon, 1, "start factor");
        _end = RequireWithin(endFactor, 0, 1, "end factor");
        _totalIterations = RequirePositive(totalIterations, "number of iterations");
        Begin();
    }

    /// <inheritdoc/>
    protected override double Next(double rate, double baseRate)
    {
        if (LastEpoch == 0)
            return rate * _start;
        var change = _end - _start;
        return LastEpoch > _totalIterations
            ? rate
            : rate * (1 + change / (_totalIterations * _start + (LastEpoch - 1) * change));
    }

    /// <inheritdoc/>
    protected override double Closed(double rate, double baseRate) =>
        baseRate * (_start + (_end - _start) * Math.Min(_totalIterations, LastEpoch) / _totalIterations);
}
