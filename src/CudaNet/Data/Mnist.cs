using CudaNet.IO;

namespace CudaNet.Data;

/// <summary>
/// Reads and writes MNIST and data sets in its layout (such as Fashion-MNIST) from a folder. Source: Y. LeCun, L. Bottou,
/// Y. Bengio, P. Haffner, "Gradient-based learning applied to document recognition", 1998.
/// </summary>
public static class Mnist
{
    private const int Classes = 10;

    /// <summary>
    /// Loads the training and test images. When the folder has only the t10k pair, its first four fifths (8,000 of
    /// 10,000) are the training set and the rest (the last 2,000) the test set.
    /// </summary>
    /// <param name="directory">The folder with <c>train-images-idx3-ubyte</c>, <c>train-labels-idx1-ubyte</c>,
    /// <c>t10k-images-idx3-ubyte</c> and <c>t10k-labels-idx1-ubyte</c>; a dot may stand before "idx", and a name may end
    /// in <c>.gz</c>.</param>
    /// <exception cref="DataNotFoundException">The folder, or a file of a pair, is missing.</exception>
    /// <exception cref="CorruptFileException">A file is damaged, the counts differ, or a label is not 0 to 9.</exception>
    public static TrainTestImages Load(string directory)
    {
        ArgumentException.ThrowIfNullOrEmpty(directory);
        if (!Directory.Exists(directory))
        {
            throw new DataNotFoundException(
                $"There is no folder '{Path.GetFullPath(directory)}'. Make it and put the MNIST files in it: "
                    + $"{Names("train")}, {Names("t10k")}.",
                directory
            );
        }

        string? trainImages = Find(directory, "train", "images", 3);
        string? trainLabels = Find(directory, "train", "labels", 1);
        LabeledImages tests = LoadPair(
            directory,
            "t10k",
            Find(directory, "t10k", "images", 3),
            Find(directory, "t10k", "labels", 1)
        );

        // One file of a pair is a mistake to report, not a reason to fall back.
        if (trainImages is not null || trainLabels is not null)
        {
            LabeledImages train = LoadPair(directory, "train", trainImages, trainLabels);
            if (train.Height != tests.Height || train.Width != tests.Width)
            {
                throw new CorruptFileException(
                    trainImages!,
                    "dimensions",
                    $"images of {tests.Height} x {tests.Width}, as in the test set",
                    $"{train.Height} x {train.Width}"
                );
            }

            return new TrainTestImages(train, tests);
        }

        int split = (int)(tests.Count * 4L / 5);
        return new TrainTestImages(tests.Slice(0, split), tests.Slice(split, tests.Count - split));
    }

    /// <summary>Writes a data set as four gzip-compressed IDX files, which <see cref="Load"/> reads.</summary>
    /// <param name="directory">The folder, which is made when it is not there.</param>
    /// <param name="data">The images.</param>
    /// <returns>The files.</returns>
    /// <exception cref="DataExistsException">A file of one of these names is there already; nothing has been written then.</exception>
    /// <exception cref="IOException">A file cannot be written.</exception>
    public static IReadOnlyList<string> Save(string directory, TrainTestImages data)
    {
        ArgumentException.ThrowIfNullOrEmpty(directory);
        ArgumentNullException.ThrowIfNull(data);
        string[] sets = ["train", "t10k"];
        string[] taken =
        [
            .. sets.Select(set => Find(directory, set, "images", 3))
                .Concat(sets.Select(set => Find(directory, set, "labels", 1)))
                .OfType<string>(),
        ];
        if (taken.Length > 0)
        {
            throw new DataExistsException($"{taken[0]} is there already; choose another folder, or remove it");
        }

        Directory.CreateDirectory(directory);
        var files = new List<string>();
        foreach (var (set, images) in sets.Zip([data.Train, data.Test]))
        {
            Save(set, "images", new IdxArray([images.Count, images.Height, images.Width], images.Images));
            Save(set, "labels", new IdxArray([images.Count], images.Labels));
        }

        return files;

        void Save(string set, string kind, IdxArray array)
        {
            string name = Candidates(set, kind, array.Dimensions.Length)
                .First(name => name.EndsWith(".gz", StringComparison.Ordinal));
            files.Add(Path.Combine(directory, name));
            Idx.Write(files[^1], array);
        }
    }

    private static LabeledImages LoadPair(string directory, string set, string? imagesPath, string? labelsPath)
    {
        if (imagesPath is null || labelsPath is null)
        {
            string what = imagesPath is null ? "images" : "labels";
            throw new DataNotFoundException(
                $"No {set} {what} in '{Path.GetFullPath(directory)}'. Looked for {Names(set)}.",
                directory
            );
        }

        IdxArray images = Idx.ReadImages(imagesPath);
        IdxArray labels = Idx.ReadLabels(labelsPath);
        int count = images.Dimensions[0];
        if (labels.Dimensions[0] != count)
        {
            string expected = $"{count} labels, one for each image of {Path.GetFileName(imagesPath)}";
            throw new CorruptFileException(labelsPath, "offset 4", expected, $"{labels.Dimensions[0]}");
        }

        if (images.Dimensions[1] == 0 || images.Dimensions[2] == 0)
        {
            throw new CorruptFileException(
                imagesPath,
                "dimensions",
                "at least one pixel per image",
                $"{images.Dimensions[1]} x {images.Dimensions[2]}"
            );
        }

        int bad = labels.Bytes.AsSpan().IndexOfAnyExceptInRange((byte)0, (byte)(Classes - 1));
        if (bad >= 0)
        {
            throw new CorruptFileException(labelsPath, $"label {bad}", "a class from 0 to 9", $"{labels.Bytes[bad]}");
        }

        return new LabeledImages(images.Bytes, labels.Bytes, count, images.Dimensions[1], images.Dimensions[2]);
    }

    private static string? Find(string directory, string set, string kind, int rank) =>
        Candidates(set, kind, rank).Select(name => Path.Combine(directory, name)).FirstOrDefault(File.Exists);

    private static string[] Candidates(string set, string kind, int rank) =>
        [
            $"{set}-{kind}-idx{rank}-ubyte",
            $"{set}-{kind}-idx{rank}-ubyte.gz",
            $"{set}-{kind}.idx{rank}-ubyte",
            $"{set}-{kind}.idx{rank}-ubyte.gz",
        ];

    private static string Names(string set) =>
        string.Join(" | ", Candidates(set, "images", 3)) + ", and " + string.Join(" | ", Candidates(set, "labels", 1));
}
