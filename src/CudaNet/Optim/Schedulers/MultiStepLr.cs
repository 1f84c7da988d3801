namespace CudaNet.Optim;

/// <summary>Multiplies the learning rates by gamma at given epochs; at one that is named twice, twice.</summary>
public sealed class MultiStepLr : LrScheduler
{
    private readonly int[] _milestones;
    private readonly double _gamma;

    /// <summary>A scheduler.</summary>
    public MultiStepLr(Optimizer optimizer, IEnumerable<int> milestones, double gamma = 0.1)
        : base(optimizer)
    {
        (_milestones, _gamma) = ([.. milestones], gamma);
        Begin();
    }

    /// <inheritdoc/>
    protected override double Next(double rate, double baseRate) =>
        rate * Math.Pow(_gamma, _milestones.Count(m => m == LastEpoch));

    /// <inheritdoc/>
    protected override double Closed(double rate, double baseRate) =>
        baseRate * Math.Pow(_gamma, _milestones.Count(m => m <= LastEpoch));
}
