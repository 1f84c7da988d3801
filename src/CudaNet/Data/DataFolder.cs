using System.Security.Cryptography;
using CudaNet.IO;

namespace CudaNet.Data;

/// <summary>A file of a folder with data.</summary>
/// <param name="Name">Its name in the folder.</param>
/// <param name="Bytes">Its size.</param>
/// <param name="Sha256">Its checksum, in lower-case hexadecimal.</param>
/// <param name="Shape">The array that an IDX file holds; null for other files.</param>
/// <param name="ClassCounts">How often each class occurs in a file of labels; null for others.</param>
/// <param name="Problem">What is wrong with it, or null.</param>
public sealed record DataFile(
    string Name,
    long Bytes,
    string Sha256,
    IReadOnlyList<int>? Shape,
    IReadOnlyList<int>? ClassCounts,
    string? Problem
);

/// <summary>What lies in a folder with data, and what recipes make of it.</summary>
/// <param name="Path">The folder.</param>
/// <param name="Files">Its files by name; folders within are not looked at.</param>
/// <param name="Images">The training and test images, or null.</param>
/// <param name="Problem">Why there are no images, or null.</param>
public sealed record DataFolder(string Path, IReadOnlyList<DataFile> Files, TrainTestImages? Images, string? Problem)
{
    private const string IdxMark = "idx";

    /// <summary>Reads all files of a folder.</summary>
    /// <exception cref="DataNotFoundException">There is no such folder.</exception>
    public static DataFolder Read(string path)
    {
        if (!Directory.Exists(path))
            throw new DataNotFoundException($"There is no folder '{System.IO.Path.GetFullPath(path)}'.", path);
        var files = Directory.GetFiles(path).Order(StringComparer.Ordinal).Select(Describe).ToList();
        try
        {
            return new(path, files, Cifar10.IsIn(path) ? Cifar10.Load(path) : Mnist.Load(path), null);
        }
        catch (Exception e) when (e is DataNotFoundException or CorruptFileException)
        {
            return new(path, files, null, e.Message);
        }
    }

    private static DataFile Describe(string path)
    {
        string checksum;
        using (var stream = File.OpenRead(path))
            checksum = Convert.ToHexStringLower(SHA256.HashData(stream));
        var file = new DataFile(
            System.IO.Path.GetFileName(path),
            new FileInfo(path).Length,
            checksum,
            null,
            null,
            null
        );
        if (!file.Name.Contains(IdxMark, StringComparison.OrdinalIgnoreCase))
            return file;
        try
        {
            var array = Idx.Read(path);
            return file with
            {
                Shape = array.Dimensions,
                ClassCounts = array.Dimensions.Length == 1 ? Count(array.Bytes) : null,
            };
        }
        catch (CorruptFileException e)
        {
            return file with { Problem = e.Message };
        }
    }

    private static int[] Count(byte[] labels)
    {
        var counts = new int[labels.Length == 0 ? 0 : labels.Max() + 1];
        foreach (var label in labels)
            counts[label]++;
        return counts;
    }
}
