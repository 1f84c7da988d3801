namespace CudaNet.IO;

/// <summary>An array as files hold it: a name, a type, a shape and the raw elements.</summary>
/// <param name="Name">The key in its file; unique there.</param>
/// <param name="Type">The element type.</param>
/// <param name="Shape">The dimensions, outermost first; empty for a scalar. A 0 among them makes an empty array.</param>
/// <param name="Bytes">The elements, little-endian and in C order (last dimension fastest), without padding.</param>
public sealed record NamedArray(string Name, DType Type, long[] Shape, byte[] Bytes);

/// <summary>Sizes of stored arrays, with overflow counted as an error.</summary>
public static class ArraySizes
{
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
        if (!TryByteCount(array.Shape, array.Type.Size, out long expected))
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
