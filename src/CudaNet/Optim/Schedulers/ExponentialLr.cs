namespace CudaNet.Optim;

/// <summary>Multiplies the learning rates by gamma every epoch.</summary>
public sealed class ExponentialLr : LrScheduler
{
    private readonly double _gamma;

    /// <summary>A scheduler.</summary>
    public ExponentialLr(Optimizer optimizer, double gamma)
        : base(optimizer)
    {
        _gamma = gamma;
        Begin();
    }

    /// <inheritdoc/>
    protected override double Next(double rate, double baseRate) => LastEpoch == 0 ? rate : rate * _gamma;

    /// <inheritdoc/>
    protected override double Closed(double rate, double baseRate) => baseRate * Math.Pow(_gamma, LastEpoch);
}
