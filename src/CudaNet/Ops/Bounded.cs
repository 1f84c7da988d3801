namespace CudaNet;

/// <summary>
/// A number of a textbook loop together with its S: the same loop over absolute values, never below |value|, through which errors of
/// earlier steps are carried with the slopes that they meet.
/// </summary>
internal readonly record struct Bounded(double Value, double Magnitude)
{
    /// <summary>A number that is given.</summary>
    public static implicit operator Bounded(double value) => new(value, Math.Abs(value));

    public static Bounded operator +(Bounded a, Bounded b) => new(a.Value + b.Value, a.Magnitude + b.Magnitude);

    public static Bounded operator -(Bounded a, Bounded b) => new(a.Value - b.Value, a.Magnitude + b.Magnitude);

    public static Bounded operator *(Bounded a, Bounded b) =>
        new(a.Value * b.Value, Math.Abs(a.Value) * b.Magnitude + Math.Abs(b.Value) * a.Magnitude);

    /// <summary>A multiple by a number that is given, and so without error.</summary>
    public static Bounded operator *(double a, Bounded b) => new(a * b.Value, Math.Abs(a) * b.Magnitude);

    public static Bounded operator /(Bounded a, Bounded b) =>
        new(a.Value / b.Value, a.Magnitude / Math.Abs(b.Value) + Math.Abs(a.Value) * b.Magnitude / (b.Value * b.Value));

    public Bounded Abs() => new(Math.Abs(Value), Magnitude);

    /// <summary>The slope of a root has no bound near 0, where its value is at most √S.</summary>
    public Bounded Sqrt()
    {
        var y = Math.Sqrt(Value);
        return new(y, y + Math.Min(Magnitude / (2 * y), Math.Sqrt(Magnitude)));
    }

    public Bounded Max(Bounded other) => new(Math.Max(Value, other.Value), Math.Max(Magnitude, other.Magnitude));

    public Bounded Sigmoid()
    {
        var y = SpecialFunctions.Sigmoid(Value);
        return new(y, y * (1 - y) * Magnitude + y);
    }

    public Bounded Tanh()
    {
        var y = Math.Tanh(Value);
        return new(y, (1 - y * y) * Magnitude + Math.Abs(y));
    }

    public Bounded Relu() => Value > 0 ? this : new(0, Magnitude);

    /// <summary>Rounded to the dtype of a tensor on the way to a later step, <paramref name="unit"/> being that rounding in units of S.</summary>
    public Bounded Stored(double unit) => new(Value, Magnitude + unit * Math.Abs(Value));

    /// <summary>The unit of <see cref="Stored"/> for tensors of a dtype in sums of so many terms: u_out / (√n·u_acc).</summary>
    public static double UnitOf(DType dtype, double terms) =>
        dtype.UnitRoundoff / (Math.Sqrt(terms) * dtype.Accumulator.UnitRoundoff);

    /// <summary>An element of a tensor.</summary>
    public static Bounded Read(ReferenceTensor tensor, long at) =>
        new(tensor[at], Math.Max(Math.Abs(tensor[at]), tensor.Magnitude.Length == 0 ? 0 : tensor.Magnitude[at]));

    /// <summary>Writes an element of an output.</summary>
    public void Write(ReferenceTensor output, long at) => (output[at], output.Magnitude[at]) = (Value, Magnitude);
}
