namespace CudaNet;

/// <summary>bfloat16: the upper 16 bits of a binary32, rounded to nearest, ties to even.</summary>
public readonly record struct BFloat16(ushort Bits)
{
    /// <summary>Rounds a float; a NaN stays a NaN.</summary>
    public static explicit operator BFloat16(float value)
    {
        var bits = BitConverter.SingleToUInt32Bits(value);
        if (float.IsNaN(value))
            return new((ushort)((bits >> 16) | 0x40));
        return new((ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16));
    }

    /// <summary>Rounds a double once: through a float whose lowest bit is sticky, so that it is never rounded twice.</summary>
    public static explicit operator BFloat16(double value)
    {
        var single = (float)value;
        if (single == value || !float.IsFinite(single))
            return (BFloat16)single;
        // Round to odd: the float next to value towards zero, with its lowest bit set, keeps which side of a tie it lies on.
        var bits = BitConverter.SingleToUInt32Bits(single);
        if (Math.Abs((double)single) > Math.Abs(value))
            bits--;
        return (BFloat16)BitConverter.UInt32BitsToSingle(bits | 1);
    }

    /// <summary>The same value as a float; exact.</summary>
    public static implicit operator float(BFloat16 value) => BitConverter.UInt32BitsToSingle((uint)value.Bits << 16);

    /// <inheritdoc/>
    public override string ToString() => ((float)this).ToString(System.Globalization.CultureInfo.InvariantCulture);
}
