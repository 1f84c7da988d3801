namespace CudaNet.Optim;

/// <summary>Runs several schedulers one after the other: the next one takes over, from its own beginning, at each milestone.</summary>
public sealed class SequentialLr : LrScheduler
{
    private readonly LrScheduler[] _schedulers;
    private readonly int[] _milestones;

    /// <summary>A scheduler of schedulers.</summary>
    /// <param name="optimizer">The optimiser whose rates they set.</param>
    /// <param name="schedulers">All of this optimiser.</param>
    /// <param name="milestones">The epochs of the changes, one fewer, rising.</param>
    /// <exception cref="AttributeException">A scheduler is of another optimiser, or the number of milestones does not fit.</exception>
    public SequentialLr(Optimizer optimizer, IEnumerable<LrScheduler> schedulers, IEnumerable<int> milestones)
        : base(optimizer)
    {
        (_schedulers, _milestones) = ([.. schedulers], [.. milestones]);
        if (_schedulers.Any(s => !ReferenceEquals(s.Optimizer, optimizer)))
            throw new AttributeException("SequentialLr: expected schedulers of one optimizer");
        if (_milestones.Length != _schedulers.Length - 1)
            throw new AttributeException(
                $"SequentialLr: expected one milestone fewer than schedulers; got {_milestones.Length} for {_schedulers.Length}"
            );
        // Making the schedulers has changed the rates, each in its way.
        LastEpoch = 0;
        Set((_, baseRate) => baseRate);
        foreach (var scheduler in _schedulers)
            scheduler.Rewind();
        _schedulers[0].Step();
        Note();
    }

    /// <inheritdoc/>
    public override void Step()
    {
        LastEpoch++;
        var which = _milestones.Count(m => m <= LastEpoch);
        if (which > 0 && _milestones[which - 1] == LastEpoch)
            _schedulers[which].Restart();
        else
            _schedulers[which].Step();
        Note();
    }

    internal override void Restart()
    {
        LastEpoch = 0;
        _schedulers[0].Restart();
        Note();
    }

    /// <inheritdoc/>
    protected override double Next(double rate, double baseRate) => rate;

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, double> StateDictionary()
    {
        var state = new Dictionary<string, double>(base.StateDictionary(), StringComparer.Ordinal);
        for (var i = 0; i < _schedulers.Length; i++)
            foreach (var (name, value) in _schedulers[i].StateDictionary())
                state[FormattableString.Invariant($"{i}.{name}")] = value;
        return state;
    }

    /// <inheritdoc/>
    public override void LoadStateDictionary(IReadOnlyDictionary<string, double> state)
    {
        for (var i = 0; i < _schedulers.Length; i++)
        {
            var prefix = FormattableString.Invariant($"{i}.");
            _schedulers[i]
                .LoadStateDictionary(
                    state
                        .Where(p => p.Key.StartsWith(prefix, StringComparison.Ordinal))
                        .ToDictionary(p => p.Key[prefix.Length..], p => p.Value, StringComparer.Ordinal)
                );
        }
        base.LoadStateDictionary(state);
    }
}
