using System.Buffers.Binary;
using System.IO.Compression;
using CudaNet.IO;

namespace CudaNet.Data;

/// <summary>An array of unsigned bytes from an IDX file.</summary>
/// <param name="Dimensions">The sizes, outermost first.</param>
/// <param name="Bytes">The elements in C order.</param>
public sealed record IdxArray(int[] Dimensions, byte[] Bytes);

/// <summary>
/// Reads and writes the IDX format of the MNIST family, plain or gzip-compressed (told apart by content, not by name). Source:
/// Y. LeCun, C. Cortes, C. Burges, "The MNIST database", section "File formats".
/// </summary>
/// <remarks>Memory follows the data that the file really holds, not the sizes that its header claims.</remarks>
public static class Idx
{
    private const byte UnsignedByte = 0x08;
    private const int MaxRank = 8;

    /// <summary>Reads a file of unsigned bytes of any rank from 1 to 8.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="CorruptFileException">The contents break the format, or the elements are not unsigned bytes.</exception>
    public static IdxArray Read(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        using FileStream file = File.OpenRead(path);
        Span<byte> start = stackalloc byte[2];
        bool zipped =
            file.ReadAtLeast(start, 2, throwOnEndOfStream: false) == 2 && start[0] == 0x1F && start[1] == 0x8B;
        file.Position = 0;
        if (!zipped)
        {
            return Read(file, path);
        }

        try
        {
            using var plain = new GZipStream(file, CompressionMode.Decompress, leaveOpen: true);
            return Read(plain, path);
        }
        catch (Exception error) when (error is InvalidDataException or EndOfStreamException)
        {
            throw new CorruptFileException(
                path,
                "gzip data",
                "an intact gzip file",
                error.Message.TrimEnd('.'),
                inner: error
            );
        }
    }

    /// <summary>Reads images: unsigned bytes of count × rows × columns.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="CorruptFileException">As for <see cref="Read(string)"/>, or the rank is not 3.</exception>
    public static IdxArray ReadImages(string path) => ReadRank(path, 3, "images (count, rows, columns)");

    /// <summary>Reads labels: one unsigned byte each.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="CorruptFileException">As for <see cref="Read(string)"/>, or the rank is not 1.</exception>
    public static IdxArray ReadLabels(string path) => ReadRank(path, 1, "labels (count)");

    /// <summary>Reads uncompressed IDX contents up to the stream's end.</summary>
    /// <param name="stream">Need not seek.</param>
    /// <param name="source">What to call the stream in messages.</param>
    /// <exception cref="CorruptFileException">The contents break the format, or the elements are not unsigned bytes.</exception>
    public static IdxArray Read(Stream stream, string source = "idx stream")
    {
        ArgumentNullException.ThrowIfNull(stream);
        Span<byte> word = stackalloc byte[4];
        int got = stream.ReadAtLeast(word, 4, throwOnEndOfStream: false);
        if (got < 4 || word[0] != 0 || word[1] != 0)
        {
            string found = got == 0 ? "an empty file" : Convert.ToHexStringLower(word[..got]);
            throw new CorruptFileException(source, "offset 0", "the magic 0000, a type and a rank (4 bytes)", found);
        }

        if (word[2] != UnsignedByte)
        {
            string advice = "Only files of unsigned bytes are read.";
            throw new CorruptFileException(source, "offset 2", "type 0x08 (unsigned byte)", $"0x{word[2]:x2}", advice);
        }

        int rank = word[3];
        if (rank is < 1 or > MaxRank)
        {
            throw new CorruptFileException(source, "offset 3", $"a rank from 1 to {MaxRank}", $"{rank}");
        }

        var dimensions = new int[rank];
        var shape = new long[rank];
        for (int d = 0; d < rank; d++)
        {
            int offset = 4 + (4 * d);
            got = stream.ReadAtLeast(word, 4, throwOnEndOfStream: false);
            if (got < 4)
            {
                string expected = $"the 4 bytes of dimension {d}";
                throw new CorruptFileException(source, $"offset {offset}", expected, $"{got} bytes");
            }

            dimensions[d] = BinaryPrimitives.ReadInt32BigEndian(word);
            shape[d] = dimensions[d];
            if (dimensions[d] < 0)
            {
                string found = $"{BinaryPrimitives.ReadUInt32BigEndian(word)}";
                throw new CorruptFileException(source, $"offset {offset}", "a dimension below 2^31", found);
            }
        }

        if (!ArraySizes.TryByteCount(shape, 1, out long bytes) || bytes > Array.MaxLength)
        {
            string expected = $"at most {Array.MaxLength} elements";
            throw new CorruptFileException(source, "dimensions", expected, ArraySizes.Format(shape));
        }

        return new IdxArray(dimensions, ReadElements(stream, source, 4 + (4L * rank), shape, bytes));
    }

    /// <summary>Writes a file, replacing an old one as a whole; gzip-compressed when its name ends in <c>.gz</c>.</summary>
    /// <param name="path">The file.</param>
    /// <param name="array">What to write; as many bytes as its dimensions say.</param>
    /// <exception cref="ArgumentException">The rank is not 1 to 8, or there are more or fewer bytes.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Write(string path, IdxArray array)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(array);
        long[] shape = [.. array.Dimensions.Select(dimension => (long)dimension)];
        if (
            shape.Length is < 1 or > MaxRank
            || !ArraySizes.TryByteCount(shape, 1, out long bytes)
            || bytes != array.Bytes.Length
        )
        {
            throw new ArgumentException(
                $"{array.Bytes.Length} bytes do not make an array of {ArraySizes.Format(shape)}",
                nameof(array)
            );
        }

        var header = new byte[4 + (4 * shape.Length)];
        header[2] = UnsignedByte;
        header[3] = (byte)shape.Length;
        for (int d = 0; d < shape.Length; d++)
        {
            BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4 + (4 * d)), array.Dimensions[d]);
        }

        AtomicFile.Write(
            path,
            file =>
            {
                bool zipped = path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase);
                using Stream stream = zipped
                    ? new GZipStream(file, CompressionLevel.SmallestSize, leaveOpen: true)
                    : file;
                stream.Write(header);
                stream.Write(array.Bytes);
            }
        );
    }

    private static byte[] ReadElements(Stream stream, string source, long offset, long[] shape, long bytes)
    {
        byte[] data = BoundedReader.ReadUpTo(stream, bytes, stream.CanSeek ? stream.Length - stream.Position : 0);
        string expected = $"{bytes} bytes for {ArraySizes.Format(shape)}";
        if (data.Length != bytes)
        {
            throw new CorruptFileException(source, $"offset {offset}", expected, $"{data.Length} bytes");
        }

        // The excess is counted only up to a block, because a compressed file could go on for very long.
        Span<byte> excess = stackalloc byte[4096];
        int extra = stream.ReadAtLeast(excess, excess.Length, throwOnEndOfStream: false);
        if (extra > 0)
        {
            string found = extra < excess.Length ? $"{bytes + extra} bytes" : $"{bytes + extra} bytes or more";
            throw new CorruptFileException(source, $"offset {offset}", expected, found);
        }

        return data;
    }

    private static IdxArray ReadRank(string path, int rank, string what)
    {
        IdxArray array = Read(path);
        if (array.Dimensions.Length != rank)
        {
            string advice = "Are the image and label files exchanged?";
            throw new CorruptFileException(
                path,
                "offset 3",
                $"rank {rank} for {what}",
                $"{array.Dimensions.Length}",
                advice
            );
        }

        return array;
    }
}
