namespace CudaNet.Optim;

/// <summary>Multiplies the learning rates by gamma every <c>stepSize</c> epochs.</summary>
public sealed class StepLr : LrScheduler
{
    private readonly int _stepSize;
    private readonly double _gamma;

    /// <summary>A scheduler.</summary>
    /// <exception cref="AttributeException">The step size is not positive.</exception>
    public StepLr(Optimizer optimizer, int stepSize, double gamma = 0.1)
        : base(optimizer)
    {
        (_stepSize, _gamma) = (RequirePositive(stepSize, "step size"), gamma);
        Begin();
    }

    /// <inheritdoc/>
    protected override double Next(double rate, double baseRate) =>
        LastEpoch == 0 || LastEpoch % _stepSize != 0 ? rate : rate * _gamma;

    /// <inheritdoc/>
    protected override double Closed(double rate, double baseRate) =>
        baseRate * Math.Pow(_gamma, LastEpoch / _stepSize);
}
