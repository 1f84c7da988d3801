namespace CudaNet;

/// <summary>A tensor that a node keeps for its backward pass: values, the version they had, and the edge that leads to them.</summary>
internal struct SavedTensor
{
    private Tensor? _held;
    private readonly ISavedTensorStore? _store;
    private readonly int _key;
    private readonly int _version;

    public SavedTensor(Tensor tensor)
    {
        _store = EngineState.Current.SavedTensors;
        _version = tensor.Version;
        if (_store is null)
            _held = tensor.Hold();
        else
            _key = _store.Store(tensor);
    }

    /// <summary>The tensor with its values; throws when something has written over them.</summary>
    public readonly Tensor Open(string savedBy)
    {
        if (_store is not null)
            return _store.Restore(_key);
        var tensor = _held!;
        if (tensor.Version != _version)
            throw new AutogradException(
                $"'{savedBy}' saved a tensor of shape {tensor.Shape} {tensor.DType.Name} for its backward pass, but "
                    + $"'{tensor.Storage.LastWriter}' has written to it in place since (version {_version} became {tensor.Version}); "
                    + "run the backward pass first, or write to a copy"
            );
        return tensor;
    }

    public void Release()
    {
        _held?.ReleaseHandle();
        _held = null;
        _store?.Release(_key);
    }
}

/// <summary>Takes saved tensors instead of the nodes: how a checkpointed segment forgets its intermediate values and computes them again.</summary>
internal interface ISavedTensorStore
{
    int Store(Tensor tensor);

    Tensor Restore(int key);

    void Release(int key);

    /// <summary>A random generator has drawn, from this position on.</summary>
    void Drew(IRandomState generator, long position);
}

/// <summary>A random generator as the graph sees it: a position that can be set back, to draw the same numbers again.</summary>
internal interface IRandomState
{
    long Position { get; set; }
}
