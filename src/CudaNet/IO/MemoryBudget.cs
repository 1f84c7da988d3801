namespace CudaNet.IO;

/// <summary>
/// How much memory a file may still make its reader take. Counted by the reader, so that a small file that describes much is refused
/// before the memory is asked for.
/// </summary>
/// <param name="source">The file, for the message.</param>
/// <param name="limit">In bytes.</param>
internal sealed class MemoryBudget(string source, long limit)
{
    private long _taken;

    /// <summary>Takes some of it.</summary>
    /// <param name="bytes">Not negative.</param>
    /// <param name="where">What for, as the message says it.</param>
    /// <exception cref="CorruptFileException">There is not that much left.</exception>
    public void Take(long bytes, string where)
    {
        if (bytes > limit - _taken)
            throw new CorruptFileException(
                source,
                where,
                $"contents that take at most {limit} bytes in memory",
                "more",
                "Raise maxBytes if the file comes from a trusted place."
            );
        _taken += bytes;
    }
}
