namespace CudaNet.Optim;

/// <summary>Brings the learning rates to 0 along a power of what is left of the epochs.</summary>
public sealed class PolynomialLr : LrScheduler
{
    private readonly int _totalIterations;
    private readonly double _power;

    /// <summary>A scheduler.</summary>
    /// <exception cref="AttributeException">There are no iterations.</exception>
    public PolynomialLr(Optimizer optimizer, int totalIterations = 5, double power = 1)
        : base(optimizer)
    {
        (_totalIterations, _power) = (RequirePositive(totalIterations, "number of iterations"), power);
        Begin();
    }

    /// <inheritdoc/>
    protected override double Next(double rate, double baseRate) =>
        LastEpoch == 0 || LastEpoch > _totalIterations
            ? rate
            : rate * Math.Pow(Left(LastEpoch) / Left(LastEpoch - 1), _power);

    /// <inheritdoc/>
    protected override double Closed(double rate, double baseRate) =>
        baseRate * Math.Pow(Left(Math.Min(LastEpoch, _totalIterations)), _power);

    private double Left(int epoch) => 1 - (double)epoch / _totalIterations;
}
