namespace CudaNet;

/// <summary>
/// A block of device memory that tensors share. It is counted: every live tensor handle and every tensor that the graph has saved
/// holds it once, and at zero the block goes back to its pool at once. Only a storage has a finalizer, for handles that nobody
/// released; the finalizer merely queues the block to the pool. Pools hand the same object out again with its memory, so
/// a training step that releases what it made allocates no finalizable objects.
/// </summary>
internal sealed unsafe class Storage
{
    private readonly MemoryPool? _pool;
    private readonly object? _owner;
    private int _references;
    private int _version;
    private nint[] _otherStreams = [];

    internal Storage(MemoryPool? pool, Device device, void* pointer, long capacity, object? owner = null)
    {
        _pool = pool;
        _owner = owner;
        Device = device;
        Pointer = pointer;
        Capacity = capacity;
        if (pool is null)
            GC.SuppressFinalize(this);
    }

    ~Storage() => _pool?.Reclaim(this);

    public Device Device { get; }

    public void* Pointer { get; internal set; }

    /// <summary>Bytes that the block holds; at least as many as were asked for.</summary>
    public long Capacity { get; }

    /// <summary>Bytes that were asked for by the present use.</summary>
    public long Bytes { get; internal set; }

    /// <summary>Whether the finalizer has run, so that the pool must register it again before the next use.</summary>
    public bool WasFinalized { get; internal set; }

    /// <summary>Counts writes in place. Views share it, so a saved tensor knows that its values are gone.</summary>
    public int Version => _version;

    /// <summary>The op that wrote last.</summary>
    public string? LastWriter { get; internal set; }

    /// <summary>Where the block goes when it is free.</summary>
    public BlockArena? Arena { get; internal set; }

    /// <summary>The stream that the present use began on.</summary>
    public nint Stream { get; private set; }

    /// <summary>Other streams that have worked on it since, for which its reuse must wait, too.</summary>
    public ReadOnlySpan<nint> OtherStreams => _otherStreams;

    public void BeginUse(nint stream) => (Stream, _otherStreams) = (stream, []);

    public void UsedOn(nint stream)
    {
        // Threads with streams of their own may read one tensor at the same time.
        while (stream != Stream && _otherStreams is var known && !known.AsSpan().Contains(stream))
            Interlocked.CompareExchange(ref _otherStreams, [.. known, stream], known);
    }

    public int References => _references;

    public bool IsFree => _references == 0;

    public void Retain() => Interlocked.Increment(ref _references);

    public void Release()
    {
        if (Interlocked.Decrement(ref _references) == 0)
            _pool?.Return(this);
    }

    /// <summary>Drops every reference: used by the finalizer, when no handle exists any more.</summary>
    internal void ForgetReferences() => _references = 0;

    public void MarkWritten(string writer)
    {
        Interlocked.Increment(ref _version);
        LastWriter = writer;
    }
}
