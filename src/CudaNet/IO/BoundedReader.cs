namespace CudaNet.IO;

/// <summary>Reads whose memory follows the bytes that really arrive, not the size that a header claims.</summary>
internal static class BoundedReader
{
    // Up to this much is asked for at once, whatever is known about the data; beyond it the buffer doubles as data arrives.
    private const int FirstBuffer = 1 << 16;

    /// <summary>
    /// Reads up to <paramref name="expected"/> bytes. The result is shorter only when the stream ended.
    /// </summary>
    /// <param name="stream">Read from its current position.</param>
    /// <param name="expected">How many bytes the header promises; at most <see cref="Array.MaxLength"/>.</param>
    /// <param name="known">How many bytes there are for sure, such as the size of the file.</param>
    public static byte[] ReadUpTo(Stream stream, long expected, long known = 0)
    {
        var buffer = new byte[(int)Math.Min(expected, Math.Max(known, FirstBuffer))];
        int filled = 0;
        while (true)
        {
            filled += stream.ReadAtLeast(buffer.AsSpan(filled), buffer.Length - filled, throwOnEndOfStream: false);
            if (filled < buffer.Length)
            {
                return buffer.AsSpan(0, filled).ToArray();
            }

            if (filled == expected)
            {
                return buffer;
            }

            Array.Resize(ref buffer, (int)Math.Min(expected, 2L * buffer.Length));
        }
    }

    /// <summary>Throws when an array of that size cannot be held in one .NET array.</summary>
    public static void CheckArrayLimit(string source, string name, long bytes)
    {
        if (bytes > Array.MaxLength)
        {
            throw new NotSupportedException(
                $"{source}: array '{name}' holds {bytes} bytes; one .NET array holds at most {Array.MaxLength}. "
                    + "Split the array into parts when writing it."
            );
        }
    }

    /// <summary>Throws when a Bool array holds a byte other than 0 and 1, which C# would treat as undefined.</summary>
    public static void CheckBooleans(string source, string name, DType type, ReadOnlySpan<byte> bytes)
    {
        if (type != DType.Bool)
        {
            return;
        }

        int bad = bytes.IndexOfAnyExceptInRange((byte)0, (byte)1);
        if (bad >= 0)
        {
            throw new CorruptFileException(
                source,
                $"array '{name}', element {bad}",
                "a bool byte of 0 or 1",
                $"{bytes[bad]}"
            );
        }
    }
}
