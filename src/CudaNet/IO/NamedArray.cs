namespace CudaNet.IO;

/// <summary>The element type of a stored array.</summary>
public enum ArrayType
{
    /// <summary>IEEE 754 binary32, 4 bytes.</summary>
    Float32 = 0,

    /// <summary>IEEE 754 binary64, 8 bytes.</summary>
    Float64 = 1,

    /// <summary>IEEE 754 binary16, 2 bytes.</summary>
    Float16 = 2,

    /// <summary>The upper half of a binary32, 2 bytes.</summary>
    BFloat16 = 3,

    /// <summary>Signed 64-bit integer.</summary>
    Int64 = 4,

    /// <summary>Signed 32-bit integer.</summary>
    Int32 = 5,

    /// <summary>Unsigned byte.</summary>
    UInt8 = 6,

    /// <summary>One byte, 0 or 1.</summary>
    Bool = 7,
}

/// <summary>An array as files hold it: a name, a type, a shape and the raw elements.</summary>
/// <param name="Name">The key in its file; unique there.</param>
/// <param name="Type">The element type.</param>
/// <param name="Shape">The dimensions, outermost first; empty for a scalar. A 0 among them makes an empty array.</param>
/// <param name="Bytes">The elements, little-endian and in C order (last dimension fastest), without padding.</param>
public sealed record NamedArray(string Name, ArrayType Type, long[] Shape, byte[] Bytes);

/// <summary>Sizes of stored arrays, with overflow counted as an error.</summary>
public static class ArraySizes
{
    /// <summary>Bytes per element.</summary>
    /// <param name="type">The element type.</param>
    /// <exception cref="ArgumentOutOfRangeException">The value is not one of <see cref="ArrayType"/>.</exception>
    public static int ElementSize(ArrayType type) =>
        type switch
        {
            ArrayType.Float64 or ArrayType.Int64 => 8,
            ArrayType.Float32 or ArrayType.Int32 => 4,
            ArrayType.Float16 or ArrayType.BFloat16 => 2,
            ArrayType.UInt8 or ArrayType.Bool => 1,
            _ => throw new ArgumentOutOfRangeException(nameof(type), type, "Not an array type."),
        };

    /// <summary>
    /// The number of elements times the element size. False when a dimension is negative or a product passes 2^63 - 1
    /// (the product of the non-zero dimensions must fit even when another is 0, so that strides can be computed).
    /// </summary>
    /// <param name="shape">The dimensions.</param>
    /// <param name="elementSize">Bytes per element, at least 1.</param>
    /// <param name="bytes">The size in bytes; 0 when false is returned.</param>
    public static bool TryByteCount(ReadOnlySpan<long> shape, int elementSize, out long bytes)
    {
        bytes = 0;
        long product = elementSize;
        bool empty = false;
        foreach (long dimension in shape)
        {
            if (dimension < 0)
            {
                return false;
            }

            if (dimension == 0)
            {
                empty = true;
                continue;
            }

            if (product > long.MaxValue / dimension)
            {
                return false;
            }

            product *= dimension;
        }

        bytes = empty ? 0 : product;
        return true;
    }

    /// <summary>Throws unless the array's bytes are what its shape and type call for.</summary>
    /// <param name="array">The array about to be written.</param>
    /// <exception cref="ArgumentException">The shape is negative or overflows, or the byte count differs.</exception>
    internal static void Validate(NamedArray array)
    {
        ArgumentNullException.ThrowIfNull(array);
        ArgumentNullException.ThrowIfNull(array.Name, nameof(array));
        ArgumentNullException.ThrowIfNull(array.Shape, nameof(array));
        ArgumentNullException.ThrowIfNull(array.Bytes, nameof(array));
        if (!TryByteCount(array.Shape, ElementSize(array.Type), out long expected))
        {
            throw new ArgumentException(
                $"Array '{array.Name}' has shape {Format(array.Shape)}: dimensions must be 0 or more and their product "
                    + "times the element size must fit in 63 bits.",
                nameof(array)
            );
        }

        if (expected != array.Bytes.LongLength)
        {
            throw new ArgumentException(
                $"Array '{array.Name}' of type {array.Type} and shape {Format(array.Shape)} needs {expected} bytes but "
                    + $"holds {array.Bytes.LongLength}. Pass exactly the elements, in C order and without padding.",
                nameof(array)
            );
        }
    }

    /// <summary>A shape as people write it: <c>[2, 3]</c>.</summary>
    internal static string Format(ReadOnlySpan<long> shape)
    {
        var text = new System.Text.StringBuilder("[");
        for (int i = 0; i < shape.Length; i++)
        {
            text.Append(i == 0 ? "" : ", ").Append(shape[i]);
        }

        return text.Append(']').ToString();
    }
}
