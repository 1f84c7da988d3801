namespace CudaNet.Optim;

/// <summary>Multiplies the learning rates in every epoch by a function of the epoch.</summary>
public sealed class MultiplicativeLr : LrScheduler
{
    private readonly Func<int, double> _factor;

    /// <summary>A scheduler.</summary>
    public MultiplicativeLr(Optimizer optimizer, Func<int, double> factor)
        : base(optimizer)
    {
        _factor = factor;
        Begin();
    }

    /// <inheritdoc/>
    protected override double Next(double rate, double baseRate) => LastEpoch > 0 ? rate * _factor(LastEpoch) : rate;
}
