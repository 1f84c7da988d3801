namespace CudaNet.Data;

/// <summary>A data set that is known by name.</summary>
/// <param name="Name">What it is called.</param>
/// <param name="Description">What it holds.</param>
/// <param name="Origin">Where it is from.</param>
/// <param name="Usage">How the program is told to use it.</param>
/// <param name="Download">How to get it, or null where there is nothing to get.</param>
public sealed record DataSet(
    string Name,
    string Description,
    string Origin,
    string Usage,
    DataDownload? Download = null
);

/// <summary>The data sets that are known by name.</summary>
public static class DataSets
{
    /// <summary>
    /// The first needs no files. Sizes and SHA-256 of the others are those that TensorFlow Datasets publishes (<c>tensorflow_datasets/url_checksums</c> of its repository:
    /// mnist.txt, fashion_mnist.txt, cifar10.txt).
    /// </summary>
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
            "train mlp --data DIR",
            new(
                ["https://ossci-datasets.s3.amazonaws.com/mnist", "https://storage.googleapis.com/cvdf-datasets/mnist"],
                [
                    new(
                        "t10k-labels-idx1-ubyte.gz",
                        4_542,
                        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"
                    ),
                    new(
                        "t10k-images-idx3-ubyte.gz",
                        1_648_877,
                        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"
                    ),
                    new(
                        "train-labels-idx1-ubyte.gz",
                        28_881,
                        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"
                    ),
                    new(
                        "train-images-idx3-ubyte.gz",
                        9_912_422,
                        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"
                    ),
                ]
            )
        ),
        new(
            "fashion-mnist",
            "60,000 + 10,000 pieces of clothing, in the layout of MNIST",
            "https://github.com/zalandoresearch/fashion-mnist (Xiao, Rasul, Vollgraf 2017)",
            "train mlp --data DIR",
            new(
                ["http://fashion-mnist.s3-website.eu-central-1.amazonaws.com"],
                [
                    new(
                        "t10k-labels-idx1-ubyte.gz",
                        5_148,
                        "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"
                    ),
                    new(
                        "t10k-images-idx3-ubyte.gz",
                        4_422_102,
                        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"
                    ),
                    new(
                        "train-labels-idx1-ubyte.gz",
                        29_515,
                        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"
                    ),
                    new(
                        "train-images-idx3-ubyte.gz",
                        26_421_880,
                        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"
                    ),
                ]
            )
        ),
        new(
            "cifar10",
            "50,000 + 10,000 photographs, 32 × 32 in colour, 10 classes (the binary version)",
            "https://www.cs.toronto.edu/~kriz/cifar.html (Krizhevsky 2009)",
            "data info DIR",
            new(
                ["https://www.cs.toronto.edu/~kriz"],
                [
                    new(
                        Cifar10Archive.Name,
                        170_052_171,
                        "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
                    ),
                ],
                Cifar10Archive.Unpack
            )
        ),
    ];
}
