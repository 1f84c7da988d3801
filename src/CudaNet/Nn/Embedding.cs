namespace CudaNet.Nn;

/// <summary>A table of learned vectors, looked up by number: i64 indices of any shape give vectors along a new last axis.</summary>
public sealed class Embedding : Module<Tensor, Tensor>
{
    private readonly long _paddingIndex;

    /// <summary>Vectors that start standard normal, as PyTorch's do.</summary>
    /// <param name="count">The number of vectors.</param>
    /// <param name="dimension">The length of each.</param>
    /// <param name="paddingIndex">A vector that starts as zeros and stays so, or −1 for none.</param>
    /// <param name="dtype">The dtype of the vectors.</param>
    /// <param name="device">Where they live.</param>
    /// <param name="generator">What draws them.</param>
    public Embedding(
        long count,
        long dimension,
        long paddingIndex = -1,
        DType dtype = DType.Float32,
        Device? device = null,
        Generator? generator = null
    )
    {
        _paddingIndex = paddingIndex;
        var table = Tensor.RandN([count, dimension], dtype: dtype, device: device, generator: generator);
        if (paddingIndex >= 0)
            table = table.IndexFill(0, Tensor.From([paddingIndex], device: table.Device), 0);
        Weight = AddParameter("weight", table);
    }

    /// <summary>(count, dimension).</summary>
    public Tensor Weight { get; }

    /// <inheritdoc/>
    protected override Tensor Forward(Tensor input) => Weight.Embedding(input, _paddingIndex);
}
