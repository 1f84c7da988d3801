using CudaNet.Data;
using CudaNet.IO;

namespace CudaNet.Training;

/// <summary>Rows of several arrays on the device that a step works on.</summary>
/// <param name="Tensors">By the arrays' names; (count, …) each.</param>
/// <param name="Count">How many rows.</param>
public sealed record ArrayBatch(IReadOnlyDictionary<string, Tensor> Tensors, int Count) : IBatch
{
    /// <summary>The rows of one array.</summary>
    /// <exception cref="KeyNotFoundException">There is no array of this name.</exception>
    public Tensor this[string name] => Tensors[name];
}

/// <summary>Rows of arrays on the host.</summary>
public sealed class HostRows
{
    internal HostRows(IEnumerable<int> rowBytes, int items)
    {
        Rows = [.. rowBytes.Select(bytes => new byte[bytes * items])];
        Places = new long[items];
    }

    internal byte[][] Rows { get; }

    internal long[] Places { get; }

    internal int Count { get; set; }
}

/// <summary>
/// Cuts arrays whose first dimensions are equal into batches of rows: what npz, CSV, safetensors and .pt files hold, such as features and targets.
/// </summary>
public sealed class ArrayBatches : BatchSource<HostRows, ArrayBatch>
{
    private readonly IReadOnlyList<NamedArray> _arrays;
    private readonly int[] _rowBytes;
    private readonly EpochOrder _order;

    /// <summary>Batches of rows.</summary>
    /// <param name="arrays">At least one, all with the same first dimension, of at least 1.</param>
    /// <param name="batchSize">Rows per batch; the last batch of an epoch may be smaller.</param>
    /// <param name="shuffle">Whether each epoch has an order of its own.</param>
    /// <param name="seed">What the orders are drawn from.</param>
    /// <exception cref="ArgumentException">The arrays do not fit together, or there is no row.</exception>
    public ArrayBatches(IReadOnlyList<NamedArray> arrays, int batchSize, bool shuffle = true, ulong seed = 0)
    {
        ArgumentNullException.ThrowIfNull(arrays);
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        if (arrays.Count == 0 || arrays[0].Shape.Length == 0 || arrays[0].Shape[0] == 0)
            throw new ArgumentException("there is no row to train on", nameof(arrays));
        var rows = arrays[0].Shape[0];
        foreach (var array in arrays)
            if (array.Shape.Length == 0 || array.Shape[0] != rows)
                throw new ArgumentException(
                    $"'{array.Name}' is {new Shape(array.Shape)}; its first dimension must be {rows}, as that of '{arrays[0].Name}'",
                    nameof(arrays)
                );
        _arrays = arrays;
        _rowBytes = [.. arrays.Select(array => (int)(array.Bytes.Length / rows))];
        _order = new EpochOrder(rows, seed, shuffle);
        BatchSize = (int)Math.Min(batchSize, rows);
    }

    /// <summary>Rows per batch.</summary>
    public int BatchSize { get; }

    /// <inheritdoc/>
    public override int Count => (int)((_order.Count + BatchSize - 1) / BatchSize);

    /// <inheritdoc/>
    protected override HostRows Allocate() => new(_rowBytes, BatchSize);

    /// <inheritdoc/>
    protected override void Prepare(long epoch, int index, HostRows host)
    {
        var first = (long)index * BatchSize;
        host.Count = (int)Math.Min(BatchSize, _order.Count - first);
        _order.Fill(epoch, first, host.Places.AsSpan(0, host.Count));
        for (var a = 0; a < _arrays.Count; a++)
        {
            var size = _rowBytes[a];
            for (var i = 0; i < host.Count; i++)
                _arrays[a].Bytes.AsSpan((int)host.Places[i] * size, size).CopyTo(host.Rows[a].AsSpan(i * size));
        }
    }

    /// <inheritdoc/>
    protected override ArrayBatch Upload(HostRows host)
    {
        var tensors = new Dictionary<string, Tensor>(_arrays.Count, StringComparer.Ordinal);
        for (var a = 0; a < _arrays.Count; a++)
        {
            var tensor = Tensor.Empty(new Shape([host.Count, .. _arrays[a].Shape.AsSpan(1)]), _arrays[a].Type);
            HostData.FromBytes(tensor, host.Rows[a].AsSpan(0, host.Count * _rowBytes[a]));
            tensors.Add(_arrays[a].Name, tensor);
        }
        return new ArrayBatch(tensors, host.Count);
    }
}
