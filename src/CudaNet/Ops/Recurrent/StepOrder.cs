namespace CudaNet;

/// <summary>
/// Which position of a batch of sequences each step concerns. Sequence b takes part in its first Length(b) steps; in reverse it is read
/// from its own end. Steps beyond stand for the positions beyond the end, in order.
/// </summary>
internal readonly struct StepOrder
{
    private readonly long[]? _lengths;

    private StepOrder(string op, long steps, long batch, long[]? lengths, bool reverse)
    {
        (Steps, Batch, _lengths, IsReverse) = (steps, batch, lengths, reverse);
        for (var b = 0; b < (lengths?.Length ?? 0); b++)
            if (lengths![b] < 0 || lengths[b] > steps)
                throw new ShapeException(
                    $"{op}: sequence {b} has the length {lengths[b]}; expected a length from 0 to the {steps} steps of the input"
                );
    }

    public static StepOrder Of(ReferenceCall call, string op, int sequence, int lengths)
    {
        var shape = call.Input(sequence).Shape;
        var given = call.InputOrNull(lengths)?.Values;
        return new(
            op,
            shape[0],
            shape[1],
            given is null ? null : Array.ConvertAll(given, n => (long)n),
            call.Attributes.Bool(0)
        );
    }

    public static StepOrder Of(in OpCall call, int sequence, int lengths)
    {
        var shape = call.Input(sequence).Shape;
        var given = call.Has(lengths) ? call.Input(lengths).ToArray<long>() : null;
        return new(call.Op.Name, shape[0], shape[1], given, call.Attributes.Bool(0));
    }

    public long Steps { get; }

    public long Batch { get; }

    public bool IsReverse { get; }

    /// <summary>Whether all sequences are at one position at every step.</summary>
    public bool IsEven => _lengths is null || !IsReverse;

    public long Length(long b) => _lengths is null ? Steps : _lengths[b];

    /// <summary>The row of a (steps, batch, …) tensor that sequence b reads and writes at a step.</summary>
    public long Row(long step, long b)
    {
        var length = Length(b);
        return (IsReverse && step < length ? length - 1 - step : step) * Batch + b;
    }
}

/// <summary>One unit of one sequence at one step, as places in tensors.</summary>
/// <param name="Row">The row of (steps, batch, …) tensors.</param>
/// <param name="Before">The row of the step before, unless this is the first.</param>
/// <param name="State">The place in (batch, units) tensors.</param>
/// <param name="Unit">The unit.</param>
/// <param name="Units">How many units there are.</param>
/// <param name="IsFirst">Whether there is no step before.</param>
internal readonly record struct StepPlace(long Row, long Before, long State, long Unit, long Units, bool IsFirst)
{
    /// <summary>The place of one of several values that a row has for each unit.</summary>
    public long Of(int index, int count) => (Row * count + index) * Units + Unit;

    /// <summary>The same in the row before.</summary>
    public long OfBefore(int index, int count) => (Before * count + index) * Units + Unit;
}

/// <summary>The same order made of ops, for compositions.</summary>
internal sealed class ComposedOrder
{
    private readonly long _steps;
    private readonly bool _reverse;
    private readonly Tensor? _positions; // (steps, batch), where lengths make them differ
    private readonly Tensor? _active; // (steps, batch, 1)

    public ComposedOrder(long steps, Tensor? lengths, bool reverse)
    {
        (_steps, _reverse) = (steps, reverse);
        if (lengths is null)
            return;
        lengths = lengths.Clamp(0, steps);
        var step = Tensor.Arange(steps, device: lengths.Device).Unsqueeze(1);
        var active = step.Lt(lengths);
        _active = active.Unsqueeze(2);
        if (reverse)
            _positions = Tensor.Where(active, lengths.Sub(step) - 1, step);
    }

    /// <summary>A (steps, batch, …) tensor from the order of positions to that of steps, or back: each is the other's inverse.</summary>
    public Tensor Sort(Tensor rows) =>
        _positions is { } positions ? rows.Gather(0, positions.Unsqueeze(2).Expand([.. rows.Shape.Dims]))
        : _reverse ? rows.Flip(0)
        : rows;

    /// <summary><paramref name="value"/> where the sequence takes part in the step, and what stands instead where it does not.</summary>
    public Tensor Choose(long step, Tensor value, Tensor otherwise) =>
        _active is null ? value : Tensor.Where(_active.Select(0, step), value, otherwise);

    /// <inheritdoc cref="Choose(long, Tensor, Tensor)"/>
    public Tensor Choose(long step, Tensor value, double otherwise) =>
        _active is null ? value : Tensor.Where(_active.Select(0, step), value, otherwise);

    /// <summary>The steps, the last first.</summary>
    public IEnumerable<long> Backwards()
    {
        for (var step = _steps - 1; step >= 0; step--)
            yield return step;
    }
}
