using System.IO.Compression;
using System.Text;

namespace CudaNet.IO;

/// <summary>What a PyTorch file holds.</summary>
/// <param name="Arrays">
/// Its tensors in the file's order, in C order and without padding. Names within dictionaries are joined by dots, places in lists and tuples are
/// numbers: <c>model.conv1.weight</c>, <c>optimizer.state.0.exp_avg</c>.
/// </param>
/// <param name="Values">Its numbers (<see cref="long"/>, <see cref="double"/>), truth values and texts, named likewise.</param>
public sealed record PyTorchContents(IReadOnlyList<NamedArray> Arrays, IReadOnlyDictionary<string, object> Values);

/// <summary>
/// Reads what <c>torch.save</c> writes: since PyTorch 1.6 a zip archive with a pickle of the structure and an entry per storage, and before that pickles and storages one after the other. Nothing in the
/// file is executed: the pickle may build tensors, dictionaries, lists and plain values, and anything else in it is an error.
/// Source: <c>torch/serialization.py</c> and <c>torch/_utils.py</c> of PyTorch 1.6 to 2.
/// </summary>
public static class PyTorchFile
{
    private const string PickleName = "data.pkl";

    // What the description of a small file may take: names, shapes and strides come before the first number.
    private const long FirstBytes = 1 << 18;

    /// <summary>Reads all tensors and plain values of a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="maxBytes">
    /// The most memory that the contents may take beside the file's own storages; null for three times the file's size (twice for an old file) and 256 KiB. Tensors that share a
    /// storage are copied, so a file of many views of one storage may need more.
    /// </param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="CorruptFileException">The contents break the format, hold what is not allowed, a dtype that is not supported, or take
    /// more than <paramref name="maxBytes"/>.</exception>
    /// <exception cref="NotSupportedException">One tensor holds more bytes than a .NET array can.</exception>
    public static PyTorchContents Read(string path, long? maxBytes = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        using var stream = File.OpenRead(path);
        return Read(stream, path, maxBytes);
    }

    /// <summary>Reads all tensors and plain values of an archive.</summary>
    /// <param name="stream">A stream that can seek, positioned at its start.</param>
    /// <param name="source">What to call the stream in messages.</param>
    /// <param name="maxBytes">As for <see cref="Read(string, long?)"/>.</param>
    /// <exception cref="CorruptFileException">As for <see cref="Read(string, long?)"/>.</exception>
    /// <exception cref="NotSupportedException">One tensor holds more bytes than a .NET array can.</exception>
    public static PyTorchContents Read(Stream stream, string source = "PyTorch stream", long? maxBytes = null)
    {
        ArgumentNullException.ThrowIfNull(stream);
        if (!stream.CanSeek)
            throw new ArgumentException("The stream must be able to seek; copy it to a file first.", nameof(stream));
        // An old file is held as a whole beside its storages, an archive is not.
        var isLegacy = IsLegacy(stream);
        var budget = new MemoryBudget(source, maxBytes ?? (isLegacy ? 2 : 3) * stream.Length + FirstBytes);
        if (isLegacy)
        {
            var length = stream.Length - stream.Position;
            BoundedReader.CheckArrayLimit(source, "the whole file", length);
            return new PyTorchLegacy(BoundedReader.ReadUpTo(stream, length, length), source, budget).Read();
        }
        using var archive = Npz.Guarded(
            source,
            () => new ZipArchive(stream, ZipArchiveMode.Read, leaveOpen: true, Encoding.UTF8)
        );
        var entries = Entries(archive, source, stream.Length);
        var pickleName = entries.Keys.FirstOrDefault(name => IsAt(name, PickleName));
        if (pickleName is null)
            throw new CorruptFileException(
                source,
                "archive",
                $"an entry '{PickleName}', as torch.save writes",
                entries.Count == 0 ? "no entry" : $"'{entries.Keys.First()}'",
                "Is this file from torch.save? TorchScript and ONNX files are not read."
            );
        var prefix = pickleName[..^PickleName.Length];
        RefuseBigEndian(entries, prefix, source);
        var root = new Unpickler(Contents(entries[pickleName], source), source, budget).Run();
        var leaves = new PyTorchLeaves(source, budget).Of(root);
        var storages = new PyTorchStorages(
            source,
            budget,
            key => entries.TryGetValue($"{prefix}data/{key}", out var entry) ? Contents(entry, source) : null
        );
        return new PyTorchContents(storages.Read(leaves.Tensors), leaves.Values);
    }

    private static Dictionary<string, ZipArchiveEntry> Entries(ZipArchive archive, string source, long fileLength)
    {
        var entries = new Dictionary<string, ZipArchiveEntry>(StringComparer.Ordinal);
        // Entries may lie over each other in a file that was made to take much memory; together they cannot be larger than the file.
        var left = fileLength;
        foreach (var entry in Npz.Guarded(source, () => archive.Entries))
        {
            var where = $"archive entry '{entry.FullName}'";
            if (entry.IsEncrypted || entry.Length != entry.CompressedLength)
                throw new CorruptFileException(
                    source,
                    where,
                    "an entry that is stored as it is",
                    "a compressed or encrypted one",
                    "Unpack the archive and zip it again with 'zip -0', or save it again with torch.save."
                );
            if (entry.Length < 0 || entry.Length > left)
                throw new CorruptFileException(source, where, $"at most {left} bytes", $"{entry.Length}");
            left -= entry.Length;
            if (!entries.TryAdd(entry.FullName, entry))
                throw new CorruptFileException(source, where, "each name once", "it twice");
        }
        return entries;
    }

    private static byte[] Contents(ZipArchiveEntry entry, string source)
    {
        var where = $"{source}, entry '{entry.FullName}'";
        BoundedReader.CheckArrayLimit(source, entry.FullName, entry.Length);
        using var stream = new ChecksumStream(Npz.Guarded(where, entry.Open), where);
        var contents = BoundedReader.ReadUpTo(stream, entry.Length, entry.Length);
        if (contents.Length != entry.Length || stream.ReadByte() >= 0)
            throw new CorruptFileException(where, "size", $"{entry.Length} bytes", "fewer or more");
        if (stream.Checksum != entry.Crc32)
            throw new CorruptFileException(where, "checksum", $"CRC-32 {entry.Crc32:x8}", $"{stream.Checksum:x8}");
        return contents;
    }

    private static bool IsAt(string name, string file) =>
        name.EndsWith(file, StringComparison.Ordinal)
        && (name.Length == file.Length || name.IndexOf('/') == name.Length - file.Length - 1);

    private static bool IsLegacy(Stream stream)
    {
        Span<byte> start = stackalloc byte[PyTorchLegacy.Magic.Length];
        var position = stream.Position;
        var got = stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false);
        stream.Position = position;
        return start[..got].SequenceEqual(PyTorchLegacy.Magic);
    }

    private static void RefuseBigEndian(Dictionary<string, ZipArchiveEntry> entries, string prefix, string source)
    {
        if (!entries.TryGetValue($"{prefix}byteorder", out var entry))
            return;
        var order = Encoding.Latin1.GetString(Contents(entry, source));
        if (order != "little")
            throw new CorruptFileException(
                source,
                "byteorder",
                "little",
                order.Length <= 16 ? $"'{order}'" : "another text",
                "Save it again on a machine of the usual byte order."
            );
    }
}
