using CudaNet.IO;

namespace CudaNet.Data;

/// <summary>
/// Reads CIFAR-10 in its binary version: 60,000 colour images of 32 × 32 in 10 classes. Source: A. Krizhevsky, "Learning multiple layers of
/// features from tiny images", 2009; https://www.cs.toronto.edu/~kriz/cifar.html, "Binary version".
/// </summary>
public static class Cifar10
{
    /// <summary>Rows and columns of an image.</summary>
    public const int Extent = 32;

    /// <summary>The folder within the archive, and the files that are read of it.</summary>
    public const string ArchiveFolder = "cifar-10-batches-bin";

    private const int Channels = 3;
    private const int RecordBytes = 1 + Channels * Extent * Extent;

    /// <summary>What the labels 0 to 9 mean.</summary>
    public static IReadOnlyList<string> Classes { get; } =
    ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

    /// <summary>The files of the training images; the last of <see cref="Files"/> holds the test images.</summary>
    public static IReadOnlyList<string> Files { get; } =
    [.. Enumerable.Range(1, 5).Select(i => $"data_batch_{i}.bin"), "test_batch.bin"];

    /// <summary>Whether a folder holds the files, itself or in <see cref="ArchiveFolder"/>.</summary>
    public static bool IsIn(string directory) => File.Exists(Path.Combine(FolderIn(directory), Files[^1]));

    /// <summary>Loads the training and test images.</summary>
    /// <param name="directory">The folder with the files, or the one that the archive was unpacked in.</param>
    /// <exception cref="DataNotFoundException">The folder, the test images or all training images are missing.</exception>
    /// <exception cref="CorruptFileException">A file is no whole number of images, or a label is not 0 to 9.</exception>
    public static TrainTestImages Load(string directory)
    {
        ArgumentException.ThrowIfNullOrEmpty(directory);
        var folder = FolderIn(directory);
        var train = Files.SkipLast(1).Select(name => Path.Combine(folder, name)).Where(File.Exists).ToList();
        var test = Path.Combine(folder, Files[^1]);
        if (train.Count == 0 || !File.Exists(test))
            throw new DataNotFoundException(
                $"No CIFAR-10 in '{Path.GetFullPath(directory)}'. Looked for {string.Join(", ", Files)}, also in {ArchiveFolder}; "
                    + $"get them with: cudanet data get cifar10 --out {directory}",
                directory
            );
        return new TrainTestImages(Read(train), Read([test]));
    }

    /// <summary>Reads files of images one after the other.</summary>
    /// <exception cref="CorruptFileException">A file is no whole number of images, or a label is not 0 to 9.</exception>
    public static LabeledImages Read(IReadOnlyList<string> files)
    {
        ArgumentNullException.ThrowIfNull(files);
        var count = files.Sum(file => Count(file));
        const int size = RecordBytes - 1;
        var images = new byte[checked(count * size)];
        var labels = new byte[count];
        var record = new byte[RecordBytes];
        var item = 0;
        foreach (var file in files)
        {
            using var stream = File.OpenRead(file);
            for (var i = 0; item < count && stream.ReadAtLeast(record, RecordBytes, false) == RecordBytes; i++, item++)
            {
                if (record[0] >= Classes.Count)
                    throw new CorruptFileException(file, $"image {i}", "a label from 0 to 9", $"{record[0]}");
                labels[item] = record[0];
                record.AsSpan(1).CopyTo(images.AsSpan(item * size));
            }
        }
        return new LabeledImages(images, labels, count, Extent, Extent, Channels);
    }

    private static int Count(string file)
    {
        var length = new FileInfo(file).Length;
        return length > 0 && length % RecordBytes == 0
            ? checked((int)(length / RecordBytes))
            : throw new CorruptFileException(
                file,
                "size",
                $"images of {RecordBytes} bytes",
                $"{length} bytes",
                "Is it the binary version of the data set?"
            );
    }

    private static string FolderIn(string directory)
    {
        var inner = Path.Combine(directory, ArchiveFolder);
        return Directory.Exists(inner) ? inner : directory;
    }
}
