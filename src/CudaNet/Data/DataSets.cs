namespace CudaNet.Data;

/// <summary>A data set that recipes can be trained on.</summary>
/// <param name="Name">What it is called.</param>
/// <param name="Description">What it holds.</param>
/// <param name="Origin">Where it is from.</param>
/// <param name="Usage">How a recipe is told to use it.</param>
public sealed record DataSet(string Name, string Description, string Origin, string Usage);

/// <summary>The data sets that recipes know how to read.</summary>
public static class DataSets
{
    /// <summary>The one that needs no files first.</summary>
    public static IReadOnlyList<DataSet> All { get; } =
    [
        new(
            "drawn",
            "8,000 + 2,000 digits, 28 × 28 grey, 10 classes",
            "drawn by the program itself; the same on every machine",
            "train mlp"
        ),
        new(
            "mnist",
            "60,000 + 10,000 handwritten digits, 28 × 28 grey, 10 classes (IDX files, also .gz)",
            "https://ossci-datasets.s3.amazonaws.com/mnist/ (LeCun, Bottou, Bengio, Haffner 1998)",
            "train mlp --data DIR"
        ),
        new(
            "fashion-mnist",
            "60,000 + 10,000 pieces of clothing, in the layout of MNIST",
            "https://github.com/zalandoresearch/fashion-mnist (Xiao, Rasul, Vollgraf 2017)",
            "train mlp --data DIR"
        ),
    ];
}
