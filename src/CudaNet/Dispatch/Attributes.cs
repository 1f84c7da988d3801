namespace CudaNet;

/// <summary>One attribute value on its way into <see cref="Attributes"/>.</summary>
public readonly struct AttributeValue
{
    internal readonly long Bits;
    internal readonly long[]? List;

    private AttributeValue(long bits, long[]? list = null) => (Bits, List) = (bits, list);

    /// <summary>An integer.</summary>
    public static implicit operator AttributeValue(long value) => new(value);

    /// <summary>A floating value.</summary>
    public static implicit operator AttributeValue(double value) => new(BitConverter.DoubleToInt64Bits(value));

    /// <summary>true or false.</summary>
    public static implicit operator AttributeValue(bool value) => new(value ? 1 : 0);

    /// <summary>A dtype.</summary>
    public static implicit operator AttributeValue(DType value) => new((long)value);

    /// <summary>A list of integers.</summary>
    public static implicit operator AttributeValue(long[] value) => new(0, value);

    /// <summary>A list of integers.</summary>
    public static implicit operator AttributeValue(ReadOnlySpan<long> value) => new(0, value.ToArray());

    /// <summary>The extents of a shape.</summary>
    public static implicit operator AttributeValue(Shape value) => new(0, value.Dims.ToArray());
}

/// <summary>
/// The attribute values of one call, laid out as kernels read them (see CnCall in cudanet.h): one 64-bit value per attribute, lists
/// behind them.
/// </summary>
public readonly struct Attributes
{
    private readonly long[]? _values;

    private Attributes(long[] values) => _values = values;

    /// <summary>The values in the order of the signature.</summary>
    public static Attributes Of(params ReadOnlySpan<AttributeValue> values)
    {
        var length = values.Length;
        foreach (ref readonly var value in values)
            length += value.List?.Length ?? 0;
        var packed = new long[length];
        var end = values.Length;
        for (var i = 0; i < values.Length; i++)
        {
            if (values[i].List is not { } list)
            {
                packed[i] = values[i].Bits;
                continue;
            }
            packed[i] = (long)(((ulong)list.Length << 32) | (uint)end);
            list.CopyTo(packed, end);
            end += list.Length;
        }
        return new(packed);
    }

    /// <summary>All 64-bit values, as a kernel gets them.</summary>
    public ReadOnlySpan<long> Packed => _values;

    /// <summary>An integer, a choice or a dtype.</summary>
    public long Int(int index) => _values![index];

    /// <summary>A floating value.</summary>
    public double Float(int index) => BitConverter.Int64BitsToDouble(_values![index]);

    /// <summary>true or false.</summary>
    public bool Bool(int index) => _values![index] != 0;

    /// <summary>A dtype.</summary>
    public DType DType(int index) => (DType)_values![index];

    /// <summary>A list of integers.</summary>
    public ReadOnlySpan<long> Ints(int index)
    {
        var header = _values![index];
        return _values.AsSpan((int)(header & uint.MaxValue), (int)(header >> 32));
    }
}
