namespace CudaNet.Optim;

/// <summary>Sets the learning rates to a function of the epoch times those at the start.</summary>
public sealed class LambdaLr : LrScheduler
{
    private readonly Func<int, double> _factor;

    /// <summary>A scheduler.</summary>
    public LambdaLr(Optimizer optimizer, Func<int, double> factor)
        : base(optimizer)
    {
        _factor = factor;
        Begin();
    }

    /// <inheritdoc/>
    protected override double Next(double rate, double baseRate) => baseRate * _factor(LastEpoch);
}
