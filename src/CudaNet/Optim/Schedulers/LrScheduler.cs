namespace CudaNet.Optim;

/// <summary>
/// Changes the learning rates of an optimiser's groups from epoch to epoch (or step to step), as PyTorch's schedulers of the same names do: the
/// new rate follows from the present one, so that several schedulers may work on one optimiser. Making a scheduler sets the
/// rates of the first epoch; <see cref="Step"/> is called after each.
/// </summary>
public abstract class LrScheduler
{
    private readonly double[] _baseRates;

    /// <summary>A scheduler of all groups. Subclasses call <see cref="Begin"/> when their options are set.</summary>
    protected LrScheduler(Optimizer optimizer)
    {
        Optimizer = optimizer;
        _baseRates = [.. optimizer.Groups.Select(g => g.InitialLearningRate ??= g.LearningRate)];
    }

    /// <summary>The optimiser whose rates it sets.</summary>
    public Optimizer Optimizer { get; }

    /// <summary>How many epochs are over.</summary>
    public int LastEpoch { get; private protected set; } = -1;

    /// <summary>The rates that the scheduler reckons from, one per group.</summary>
    public IReadOnlyList<double> BaseLearningRates => _baseRates;

    /// <summary>The rates that it has set last, one per group.</summary>
    public IReadOnlyList<double> LastLearningRates { get; private set; } = [];

    /// <summary>The rate of a group in epoch <see cref="LastEpoch"/>.</summary>
    /// <param name="rate">The group's present rate.</param>
    /// <param name="baseRate">The rate that it started with.</param>
    protected abstract double Next(double rate, double baseRate);

    /// <summary>The same without looking at the present rate: for beginning anew.</summary>
    protected virtual double Closed(double rate, double baseRate) => Next(rate, baseRate);

    /// <summary>Sets the rates of the first epoch.</summary>
    protected void Begin() => Step();

    /// <summary>Goes to the next epoch.</summary>
    public virtual void Step()
    {
        LastEpoch++;
        Set(Next);
    }

    /// <summary>Begins again at epoch 0, whatever the rates are now.</summary>
    internal virtual void Restart()
    {
        LastEpoch = 0;
        Set(Closed);
    }

    /// <summary>Takes the step back that the constructor made.</summary>
    internal virtual void Rewind() => LastEpoch--;

    private protected void Set(Func<double, double, double> rule)
    {
        var groups = Optimizer.Groups;
        for (var g = 0; g < _baseRates.Length; g++)
            groups[g].LearningRate = rule(groups[g].LearningRate, _baseRates[g]);
        Note();
    }

    private protected void Note() => LastLearningRates = [.. Optimizer.Groups.Select(g => g.LearningRate)];

    /// <summary>Replaces the rates that it reckons from, for schedules that choose their own.</summary>
    private protected void SetBase(Func<int, double> rate)
    {
        for (var g = 0; g < _baseRates.Length; g++)
            Optimizer.Groups[g].InitialLearningRate = _baseRates[g] = rate(g);
    }

    /// <summary>What a checkpoint needs, by name; the learning rates themselves are part of the optimiser's.</summary>
    public virtual IReadOnlyDictionary<string, double> StateDictionary()
    {
        var state = new Dictionary<string, double>(StringComparer.Ordinal) { ["last_epoch"] = LastEpoch };
        for (var g = 0; g < _baseRates.Length; g++)
            state[FormattableString.Invariant($"base_lrs.{g}")] = _baseRates[g];
        return state;
    }

    /// <summary>Takes over what <see cref="StateDictionary"/> gave, of a scheduler that was made alike. Load the optimiser's state as well.</summary>
    /// <exception cref="AttributeException">A value is missing.</exception>
    public virtual void LoadStateDictionary(IReadOnlyDictionary<string, double> state)
    {
        var rates = _baseRates.Select((_, g) => Value(state, FormattableString.Invariant($"base_lrs.{g}"))).ToArray();
        LastEpoch = (int)Value(state, "last_epoch");
        SetBase(g => rates[g]);
        Note();
    }

    /// <summary>A value of a state.</summary>
    /// <exception cref="AttributeException">It is missing.</exception>
    private protected double Value(IReadOnlyDictionary<string, double> state, string name) =>
        state.TryGetValue(name, out var value)
            ? value
            : throw new AttributeException($"{GetType().Name}: the state lacks '{name}'");

    /// <summary>Throws unless a count is positive.</summary>
    private protected int RequirePositive(int value, string what) =>
        value > 0 ? value : throw new AttributeException($"{GetType().Name}: expected a positive {what}, got {value}");

    /// <summary>Throws unless a value lies between bounds.</summary>
    private protected double RequireWithin(double value, double low, double high, string what) =>
        value >= low && value <= high
            ? value
            : throw new AttributeException($"{GetType().Name}: expected a {what} from {low} to {high}, got {value}");
}
