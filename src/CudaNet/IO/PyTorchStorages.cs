namespace CudaNet.IO;

/// <summary>From views of storages to arrays in C order.</summary>
/// <param name="source">The file, for messages.</param>
/// <param name="budget">What copies are taken from.</param>
/// <param name="load">The bytes of a storage by its key, or null when the file has none.</param>
internal sealed class PyTorchStorages(string source, MemoryBudget budget, Func<string, byte[]?> load)
{
    private static readonly Dictionary<string, DType> s_types = new(StringComparer.Ordinal)
    {
        ["FloatStorage"] = DType.Float32,
        ["DoubleStorage"] = DType.Float64,
        ["HalfStorage"] = DType.Float16,
        ["BFloat16Storage"] = DType.BFloat16,
        ["LongStorage"] = DType.Int64,
        ["IntStorage"] = DType.Int32,
        ["ByteStorage"] = DType.UInt8,
        ["BoolStorage"] = DType.Bool,
    };

    /// <summary>The arrays, in the order of the tensors. A storage is read once and only kept while its tensors are made.</summary>
    public IReadOnlyList<NamedArray> Read(IReadOnlyList<(string Name, TorchTensor Tensor)> tensors)
    {
        var arrays = new NamedArray[tensors.Count];
        var byStorage = Enumerable.Range(0, tensors.Count).GroupBy(i => tensors[i].Tensor.Storage.Key);
        foreach (var views in byStorage)
        {
            byte[]? contents = null;
            var isShared = views.Skip(1).Any();
            foreach (var i in views)
            {
                var (name, tensor) = tensors[i];
                var type = TypeOf(source, name, tensor.Storage);
                contents ??= Load(name, tensor.Storage);
                arrays[i] = new NamedArray(name, type, tensor.Shape, View(name, tensor, type.Size, contents, isShared));
                BoundedReader.CheckBooleans(source, name, type, arrays[i].Bytes);
            }
        }
        return arrays;
    }

    /// <summary>The element type of a tensor's storage.</summary>
    /// <exception cref="CorruptFileException">It is one that CudaNet lacks.</exception>
    public static DType TypeOf(string source, string name, TorchStorage storage) =>
        s_types.TryGetValue(storage.TypeName, out var type)
            ? type
            : throw new CorruptFileException(
                source,
                $"tensor '{name}'",
                $"a storage of one of {string.Join(", ", s_types.Keys)}",
                $"'{storage.TypeName}'",
                "Convert the tensor with .to(dtype) and save again."
            );

    private byte[] Load(string name, TorchStorage storage) =>
        load(storage.Key)
        ?? throw new CorruptFileException(source, $"tensor '{name}'", $"an entry 'data/{storage.Key}'", "none");

    private byte[] View(string name, TorchTensor tensor, int size, byte[] contents, bool isShared)
    {
        var where = $"tensor '{name}'";
        if (tensor.Storage.Count > contents.Length / size)
            throw new CorruptFileException(
                source,
                where,
                $"a storage of {tensor.Storage.Count} elements",
                $"{contents.Length} bytes"
            );
        if (!ArraySizes.TryByteCount(tensor.Shape, size, out var bytes))
            throw new CorruptFileException(source, where, "a size below 2^63 bytes", ArraySizes.Format(tensor.Shape));
        if (bytes == 0)
            return [];
        CheckWithin(where, tensor);
        if (!isShared && bytes == contents.Length && IsContiguous(tensor))
            return contents;
        budget.Take(bytes, where);
        BoundedReader.CheckArrayLimit(source, name, bytes);
        var first = (int)tensor.Offset * size;
        if (IsContiguous(tensor))
            return contents.AsSpan(first, (int)bytes).ToArray();
        var view = new byte[bytes];
        var at = 0;
        Gather(contents, tensor, size, 0, tensor.Offset, view, ref at);
        return view;
    }

    /// <summary>Throws unless the last element, which has the largest offset since no stride is negative, lies in the storage.</summary>
    private void CheckWithin(string where, TorchTensor tensor)
    {
        var last = (Int128)tensor.Offset;
        for (var d = 0; d < tensor.Shape.Length; d++)
            last += (Int128)(tensor.Shape[d] - 1) * tensor.Strides[d];
        if (last >= tensor.Storage.Count)
            throw new CorruptFileException(
                source,
                where,
                $"elements below {tensor.Storage.Count}, the size of its storage",
                $"{last}"
            );
    }

    private static bool IsContiguous(TorchTensor tensor)
    {
        var stride = 1L;
        for (var d = tensor.Shape.Length - 1; d >= 0; d--)
        {
            if (tensor.Shape[d] > 1 && tensor.Strides[d] != stride)
                return false;
            stride *= tensor.Shape[d];
        }
        return true;
    }

    private static void Gather(
        byte[] contents,
        TorchTensor tensor,
        int size,
        int dimension,
        long offset,
        byte[] view,
        ref int at
    )
    {
        var isLast = dimension == tensor.Shape.Length - 1;
        for (var i = 0L; i < tensor.Shape[dimension]; i++, offset += tensor.Strides[dimension])
        {
            if (!isLast)
            {
                Gather(contents, tensor, size, dimension + 1, offset, view, ref at);
                continue;
            }
            contents.AsSpan((int)offset * size, size).CopyTo(view.AsSpan(at));
            at += size;
        }
    }
}
