namespace CudaNet.Optim;

/// <summary>
/// Lets the learning rates fall along half a cosine to a minimum within <c>maxEpochs</c>, and rise again after that (Loshchilov and Hutter 2017,
/// without restarts).
/// </summary>
public sealed class CosineAnnealingLr : LrScheduler
{
    private readonly int _maxEpochs;
    private readonly double _minimum;

    /// <summary>A scheduler.</summary>
    /// <exception cref="AttributeException">There are no epochs.</exception>
    public CosineAnnealingLr(Optimizer optimizer, int maxEpochs, double minimum = 0)
        : base(optimizer)
    {
        (_maxEpochs, _minimum) = (RequirePositive(maxEpochs, "number of epochs"), minimum);
        Begin();
    }

    /// <inheritdoc/>
    protected override double Next(double rate, double baseRate)
    {
        if (LastEpoch == 0)
            return rate;
        if ((LastEpoch - 1 - _maxEpochs) % (2 * _maxEpochs) == 0)
            return rate + (baseRate - _minimum) * (1 - Math.Cos(Math.PI / _maxEpochs)) / 2;
        return Height(LastEpoch) / Height(LastEpoch - 1) * (rate - _minimum) + _minimum;
    }

    /// <inheritdoc/>
    protected override double Closed(double rate, double baseRate) =>
        _minimum + (baseRate - _minimum) * Height(LastEpoch) / 2;

    private double Height(int epoch) => 1 + Math.Cos(Math.PI * epoch / _maxEpochs);
}
