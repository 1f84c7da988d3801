namespace CudaNet;

/// <summary>
/// Which position of the source each tap of a kernel meets along one axis. The source of the forward pass is the input; that of the input's
/// gradient is the output's gradient, and there the results fall into phases by their remainder by the stride, of which each has taps of
/// its own.
/// </summary>
internal readonly struct ConvTaps
{
    private readonly bool _backward;
    private readonly nint _input;
    private readonly nint _output;
    private readonly nint _stride;
    private readonly nint _padding;
    private readonly nint _dilation;

    public ConvTaps(ConvGeometry geometry, int axis, bool backward)
    {
        _backward = backward;
        (_input, _output) = ((nint)geometry.Input[axis + 2], (nint)geometry.Output[axis + 2]);
        (_stride, _padding) = ((nint)geometry.Stride(axis), (nint)geometry.Padding(axis));
        _dilation = (nint)geometry.Dilation(axis);
        Count = (nint)geometry.Weight[axis + 2];
        if (!backward)
        {
            Source = new(_input, _padding, (_output - 1) * _stride + (Count - 1) * _dilation, _stride, _output);
            return;
        }
        nint before = 0,
            last = 0;
        for (nint phase = 0; phase < Phases; phase++)
        for (nint tap = 0; tap < Count; tap++)
            if (Meets(phase, tap))
            {
                before = Math.Max(before, -Shift(phase, tap));
                last = Math.Max(last, Results(phase) - 1 + Shift(phase, tap));
            }
        Source = new(_output, before, last + before, 1, Results(0));
    }

    /// <summary>Taps of the kernel.</summary>
    public nint Count { get; }

    /// <summary>The source with its padding.</summary>
    public ConvAxis Source { get; }

    public nint Phases => _backward ? Math.Min(_stride, _input) : 1;

    /// <summary>The distance of a phase's results.</summary>
    public nint Step => _backward ? _stride : 1;

    /// <summary>Results of a phase.</summary>
    public nint Results(nint phase) => _backward ? ConvLayout.Ceiling(_input - phase, _stride) : _output;

    /// <summary>Whether a tap contributes to a phase.</summary>
    public bool Meets(nint phase, nint tap) => !_backward || (phase + _padding - tap * _dilation) % _stride == 0;

    /// <summary>The position, padding included, that a tap meets for a phase's first result.</summary>
    public nint Position(nint phase, nint tap) => _backward ? Shift(phase, tap) + Source.Before : tap * _dilation;

    private nint Shift(nint phase, nint tap) => (phase + _padding - tap * _dilation) / _stride;
}
