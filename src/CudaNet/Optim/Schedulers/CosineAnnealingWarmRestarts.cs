namespace CudaNet.Optim;

/// <summary>Lets the learning rates fall along half a cosine, again and again, each time <c>multiplier</c> times as long (SGDR, Loshchilov and Hutter 2017).</summary>
public sealed class CosineAnnealingWarmRestarts : LrScheduler
{
    private readonly int _first;
    private readonly int _multiplier;
    private readonly double _minimum;
    private int _length;
    private int _position = -1;

    /// <summary>A scheduler.</summary>
    /// <param name="optimizer">The optimiser whose rates it sets.</param>
    /// <param name="firstLength">How many epochs the first descent takes.</param>
    /// <param name="multiplier">How many times as long each takes as the one before.</param>
    /// <param name="minimum">The lowest rate.</param>
    /// <exception cref="AttributeException">A length is not positive.</exception>
    public CosineAnnealingWarmRestarts(Optimizer optimizer, int firstLength, int multiplier = 1, double minimum = 0)
        : base(optimizer)
    {
        _first = _length = RequirePositive(firstLength, "length");
        _multiplier = RequirePositive(multiplier, "multiplier");
        _minimum = minimum;
        Begin();
    }

    /// <inheritdoc/>
    public override void Step()
    {
        if (++_position >= _length)
        {
            _position -= _length;
            _length *= _multiplier;
        }
        base.Step();
    }

    internal override void Restart()
    {
        (_position, _length) = (0, _first);
        base.Restart();
    }

    internal override void Rewind()
    {
        _position--;
        base.Rewind();
    }

    /// <inheritdoc/>
    protected override double Next(double rate, double baseRate) =>
        _minimum + (baseRate - _minimum) * (1 + Math.Cos(Math.PI * _position / _length)) / 2;

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, double> StateDictionary() =>
        new Dictionary<string, double>(base.StateDictionary(), StringComparer.Ordinal)
        {
            ["T_cur"] = _position,
            ["T_i"] = _length,
        };

    /// <inheritdoc/>
    public override void LoadStateDictionary(IReadOnlyDictionary<string, double> state)
    {
        base.LoadStateDictionary(state);
        (_position, _length) = ((int)Value(state, "T_cur"), (int)Value(state, "T_i"));
    }
}
