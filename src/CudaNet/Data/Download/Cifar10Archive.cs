using System.Formats.Tar;
using System.IO.Compression;
using CudaNet.IO;

namespace CudaNet.Data;

/// <summary>The archive that CIFAR-10 is published in.</summary>
internal static class Cifar10Archive
{
    public const string Name = "cifar-10-binary.tar.gz";

    /// <summary>Takes the images out of the archive in a folder, where they are not there yet.</summary>
    /// <exception cref="CorruptFileException">The archive is damaged or lacks a file.</exception>
    public static void Unpack(string folder)
    {
        var target = Path.Combine(folder, Cifar10.ArchiveFolder);
        var missing = Cifar10.Files.Where(name => !File.Exists(Path.Combine(target, name))).ToHashSet();
        if (missing.Count == 0)
            return;
        Directory.CreateDirectory(target);
        var archive = Path.Combine(folder, Name);
        try
        {
            using var packed = File.OpenRead(archive);
            using var plain = new GZipStream(packed, CompressionMode.Decompress);
            using var tar = new TarReader(plain);
            // Only files of known names are written: a path in the archive cannot lead out of the folder.
            while (missing.Count > 0 && tar.GetNextEntry() is { } entry)
                if (
                    entry.DataStream is { } data
                    && Cifar10.Files.FirstOrDefault(name => entry.Name == $"{Cifar10.ArchiveFolder}/{name}") is { } name
                    && missing.Remove(name)
                )
                    AtomicFile.Write(Path.Combine(target, name), data.CopyTo);
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException or FormatException)
        {
            throw new CorruptFileException(archive, "archive", "an intact .tar.gz", e.Message.TrimEnd('.'), inner: e);
        }
        if (missing.Count > 0)
            throw new CorruptFileException(
                archive,
                "archive",
                string.Join(", ", Cifar10.Files),
                $"none of {string.Join(", ", missing.Order(StringComparer.Ordinal))}"
            );
    }
}
