namespace CudaNet.Optim;

/// <summary>How a one-cycle schedule goes from one value to the next.</summary>
public enum AnnealStrategy
{
    /// <summary>Along half a cosine.</summary>
    Cos,

    /// <summary>Along a line.</summary>
    Linear,
}

/// <summary>
/// One cycle (Smith and Topin 2018): the learning rates rise to a maximum and fall far below where they began, and momentum (or Adam's β₁)
/// goes the other way. <see cref="LrScheduler.Step"/> is called after every batch.
/// </summary>
public sealed class OneCycleLr : LrScheduler
{
    private readonly int _totalSteps;
    private readonly double _maximum;
    private readonly double _finalDivision;
    private readonly double _division;
    private readonly AnnealStrategy _strategy;
    private readonly (double End, double From, double To, double MomentumFrom, double MomentumTo)[] _phases;
    private readonly bool _cyclesMomentum;

    /// <summary>A scheduler.</summary>
    /// <param name="optimizer">The optimiser whose rates it sets.</param>
    /// <param name="maxLearningRate">The highest rate.</param>
    /// <param name="totalSteps">How many steps the cycle has.</param>
    /// <param name="percentStart">The part of them in which the rates rise.</param>
    /// <param name="annealStrategy">How they go from one value to the next.</param>
    /// <param name="cycleMomentum">Whether momentum is moved too.</param>
    /// <param name="baseMomentum">The lowest momentum.</param>
    /// <param name="maxMomentum">The highest momentum.</param>
    /// <param name="divisionFactor">The first rate is the highest divided by this.</param>
    /// <param name="finalDivisionFactor">The last rate is the first divided by this.</param>
    /// <param name="threePhase">Whether the rates fall to the first one before they fall to the last.</param>
    /// <exception cref="AttributeException">An option is out of range.</exception>
    public OneCycleLr(
        Optimizer optimizer,
        double maxLearningRate,
        int totalSteps,
        double percentStart = 0.3,
        AnnealStrategy annealStrategy = AnnealStrategy.Cos,
        bool cycleMomentum = true,
        double baseMomentum = 0.85,
        double maxMomentum = 0.95,
        double divisionFactor = 25,
        double finalDivisionFactor = 1e4,
        bool threePhase = false
    )
        : base(optimizer)
    {
        _totalSteps = RequirePositive(totalSteps, "number of steps");
        RequireWithin(percentStart, 0, 1, "part in which the rates rise");
        if (cycleMomentum && !optimizer.HasMomentum)
            throw new AttributeException(
                $"OneCycleLr: {optimizer.GetType().Name} has no momentum to cycle; pass cycleMomentum: false"
            );
        (_maximum, _division, _finalDivision) = (maxLearningRate, divisionFactor, finalDivisionFactor);
        (_strategy, _cyclesMomentum) = (annealStrategy, cycleMomentum);
        var (first, last) = (1 / divisionFactor, 1 / divisionFactor / finalDivisionFactor);
        var rise = percentStart * totalSteps;
        _phases = threePhase
            ?
            [
                (rise - 1, first, 1, maxMomentum, baseMomentum),
                (2 * rise - 2, 1, first, baseMomentum, maxMomentum),
                (totalSteps - 1, first, last, maxMomentum, maxMomentum),
            ]
            : [(rise - 1, first, 1, maxMomentum, baseMomentum), (totalSteps - 1, 1, last, baseMomentum, maxMomentum)];
        SetBase(_ => maxLearningRate / divisionFactor);
        Begin();
    }

    /// <inheritdoc/>
    /// <exception cref="AttributeException">The cycle is over.</exception>
    public override void Step()
    {
        if (LastEpoch >= _totalSteps)
            throw new AttributeException(
                $"OneCycleLr: a cycle of {_totalSteps} steps is over; stop training or make a new schedule"
            );
        base.Step();
        SetMomentum();
    }

    /// <inheritdoc/>
    public override void LoadStateDictionary(IReadOnlyDictionary<string, double> state)
    {
        base.LoadStateDictionary(state);
        // Unlike the rates, it is no part of the optimiser's state.
        SetMomentum();
    }

    private void SetMomentum()
    {
        if (!_cyclesMomentum || LastEpoch < 0)
            return;
        var (phase, part) = Now();
        foreach (var group in Optimizer.Groups)
            group.Momentum = Anneal(phase.MomentumFrom, phase.MomentumTo, part);
    }

    /// <inheritdoc/>
    protected override double Next(double rate, double baseRate)
    {
        var (phase, part) = Now();
        return Anneal(Rate(phase.From), Rate(phase.To), part);
    }

    // In the order in which PyTorch divides, so that the values are its own.
    private double Rate(double factor) =>
        factor == 1 ? _maximum
        : factor == 1 / _division ? _maximum / _division
        : _maximum / _division / _finalDivision;

    private ((double End, double From, double To, double MomentumFrom, double MomentumTo) Phase, double Part) Now()
    {
        double start = 0;
        for (var i = 0; ; i++)
        {
            if (LastEpoch <= _phases[i].End || i == _phases.Length - 1)
                return (_phases[i], (LastEpoch - start) / (_phases[i].End - start));
            start = _phases[i].End;
        }
    }

    private double Anneal(double from, double to, double part) =>
        _strategy == AnnealStrategy.Linear
            ? (to - from) * part + from
            : to + (from - to) / 2 * (Math.Cos(Math.PI * part) + 1);
}
