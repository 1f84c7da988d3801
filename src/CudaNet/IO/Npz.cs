using System.IO.Compression;

namespace CudaNet.IO;

/// <summary>
/// Reads and writes NumPy's .npz format: a zip archive with one .npy entry per array, stored or deflated.
/// </summary>
public static class Npz
{
    private const string Ending = ".npy";

    // Deflate cannot do better than 258 bytes from 2 bits: 1032 to 1.
    private const long MaxDeflateRatio = 1032;

    // What numpy writes, so that the same arrays always make the same file.
    private static readonly DateTimeOffset FixedTime = new(1980, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>Reads all arrays of a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="maxBytes">The most bytes that the arrays may take together; a deflated file can hold about 1000
    /// times its own size.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="CorruptFileException">The contents break the format, a checksum is wrong, a dtype is not
    /// supported, or the arrays take more than <paramref name="maxBytes"/>.</exception>
    /// <exception cref="NotSupportedException">One array holds more bytes than a .NET array can.</exception>
    public static IReadOnlyList<NamedArray> Read(string path, long maxBytes = long.MaxValue)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        using FileStream stream = File.OpenRead(path);
        return Read(stream, path, maxBytes);
    }

    /// <summary>Reads all arrays of an archive.</summary>
    /// <param name="stream">A stream that can seek, positioned at its start.</param>
    /// <param name="source">What to call the stream in messages.</param>
    /// <param name="maxBytes">The most bytes that the arrays may take together.</param>
    /// <exception cref="CorruptFileException">As for <see cref="Read(string, long)"/>.</exception>
    /// <exception cref="NotSupportedException">One array holds more bytes than a .NET array can.</exception>
    public static IReadOnlyList<NamedArray> Read(
        Stream stream,
        string source = "npz stream",
        long maxBytes = long.MaxValue
    )
    {
        ArgumentNullException.ThrowIfNull(stream);
        if (!stream.CanSeek)
        {
            // ZipArchive would otherwise copy the whole stream to memory, however long it is.
            throw new ArgumentException("The stream must be able to seek; copy it to a file first.", nameof(stream));
        }

        using ZipArchive archive = Guarded(source, () => new ZipArchive(stream, ZipArchiveMode.Read, leaveOpen: true));
        return ReadEntries(archive, source, stream.Length, maxBytes);
    }

    /// <summary>Writes a file, replacing an old one as a whole.</summary>
    /// <param name="path">The file.</param>
    /// <param name="arrays">The arrays; names unique.</param>
    /// <param name="compress">Deflate the entries (as <c>numpy.savez_compressed</c>) instead of storing them.</param>
    /// <exception cref="ArgumentException">A name or array is invalid, or bfloat16, which NumPy lacks.</exception>
    /// <exception cref="IOException">The file cannot be written; an old file is left as it was.</exception>
    public static void Write(string path, IReadOnlyList<NamedArray> arrays, bool compress = false) =>
        AtomicFile.Write(path, stream => Write(stream, arrays, compress));

    /// <summary>Writes an archive to a stream.</summary>
    /// <param name="stream">Written from its current position.</param>
    /// <param name="arrays">The arrays; names unique.</param>
    /// <param name="compress">Deflate the entries instead of storing them.</param>
    /// <exception cref="ArgumentException">A name or array is invalid, or bfloat16, which NumPy lacks.</exception>
    public static void Write(Stream stream, IReadOnlyList<NamedArray> arrays, bool compress = false)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(arrays);
        var names = new HashSet<string>();
        foreach (NamedArray array in arrays)
        {
            // Everything is checked before the first byte is written.
            _ = Npy.BuildHeader(array);
            if (array.Name.Length == 0 || !names.Add(array.Name))
            {
                throw new ArgumentException($"Array name '{array.Name}' is empty or used twice.", nameof(arrays));
            }
        }

        using var archive = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true);
        foreach (NamedArray array in arrays)
        {
            CompressionLevel level = compress ? CompressionLevel.Fastest : CompressionLevel.NoCompression;
            ZipArchiveEntry entry = archive.CreateEntry(array.Name + Ending, level);
            entry.LastWriteTime = FixedTime;
            using Stream contents = entry.Open();
            Npy.Write(contents, array);
        }
    }

    private static List<NamedArray> ReadEntries(ZipArchive archive, string source, long fileLength, long maxBytes)
    {
        var arrays = new List<NamedArray>();
        var names = new HashSet<string>();
        long total = 0;
        foreach (ZipArchiveEntry entry in Guarded(source, () => archive.Entries))
        {
            string where = $"{source}, entry '{entry.FullName}'";
            string name = CheckEntry(entry, where, fileLength);
            if (!names.Add(name))
            {
                throw new CorruptFileException(where, "name", "each array once", "it twice");
            }

            // Both terms are at most 2^63 - 1 and total is at most maxBytes, so this cannot overflow.
            if (entry.Length > maxBytes - total)
            {
                string expected = $"at most {maxBytes} bytes in all arrays together";
                string advice = "Raise maxBytes if the file comes from a trusted place.";
                throw new CorruptFileException(where, "size", expected, $"{entry.Length} after {total}", advice);
            }

            total += entry.Length;
            arrays.Add(ReadEntry(entry, where, name));
        }

        return arrays;
    }

    private static string CheckEntry(ZipArchiveEntry entry, string where, long fileLength)
    {
        string full = entry.FullName;
        if (!full.EndsWith(Ending, StringComparison.Ordinal) || full.Length == Ending.Length)
        {
            throw new CorruptFileException(
                where,
                "name",
                "a name that ends in .npy",
                $"'{full}'",
                "Is this file an .npz?"
            );
        }

        if (entry.IsEncrypted)
        {
            throw new CorruptFileException(
                where,
                "flags",
                "an entry without a password",
                "an encrypted one",
                "Decrypt it."
            );
        }

        long packed = entry.CompressedLength;
        if (packed < 0 || packed > fileLength)
        {
            throw new CorruptFileException(where, "compressed size", $"at most {fileLength} bytes", $"{packed}");
        }

        // packed is at most a file's length, far below 2^63 / 1032 on any disk.
        long most = packed > long.MaxValue / MaxDeflateRatio ? long.MaxValue : packed * MaxDeflateRatio;
        if (entry.Length < 0 || entry.Length > most)
        {
            string expected = $"at most {most} bytes from {packed} compressed ones";
            throw new CorruptFileException(where, "size", expected, $"{entry.Length}");
        }

        return full[..^Ending.Length];
    }

    private static NamedArray ReadEntry(ZipArchiveEntry entry, string where, string name)
    {
        using var contents = new ChecksumStream(Guarded(where, entry.Open), where);
        NamedArray array = Npy.Read(contents, entry.Length, where, name, entry.CompressedLength);
        if (contents.ReadByte() >= 0)
        {
            throw new CorruptFileException(where, "size", $"{entry.Length} bytes, as the directory says", "more");
        }

        if (contents.Checksum != entry.Crc32)
        {
            throw new CorruptFileException(where, "checksum", $"CRC-32 {entry.Crc32:x8}", $"{contents.Checksum:x8}");
        }

        return array;
    }

    /// <summary>Runs a step of the framework's zip reader and names the file when the archive is at fault.</summary>
    internal static T Guarded<T>(string source, Func<T> step)
    {
        try
        {
            return step();
        }
        catch (Exception error) when (IsZipFault(error))
        {
            throw ZipFault(source, error);
        }
    }

    /// <summary>
    /// Whether an exception is one that the framework's zip and deflate readers throw on damaged input. They see
    /// nothing but the file's bytes, so none of these can mean anything else there.
    /// </summary>
    internal static bool IsZipFault(Exception error) =>
        error
            is InvalidDataException
                or EndOfStreamException
                or ArgumentException
                or OverflowException
                or NotSupportedException;

    internal static CorruptFileException ZipFault(string source, Exception error) =>
        new(source, "zip structure", "an intact archive", error.Message.TrimEnd('.'), inner: error);
}
