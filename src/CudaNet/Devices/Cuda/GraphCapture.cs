namespace CudaNet;

/// <summary>A random generator as a captured graph sees it.</summary>
internal interface ICapturedRandom
{
    /// <summary>The next counter.</summary>
    long Offset { get; set; }

    /// <summary>Makes kernels on the device that were captured with counters from <paramref name="captured"/> on draw from <see cref="Offset"/>.</summary>
    void PrepareReplay(Device device, long captured);
}

/// <summary>What a graph depends on beyond its own memory: written down while a step is captured, looked at before each replay.</summary>
internal sealed class GraphCapture(NativeDevice device)
{
    private readonly Dictionary<Tensor, Seen> _tensors = new(ReferenceEqualityComparer.Instance);
    private readonly HashSet<Storage> _storages = [];
    private readonly HashSet<Storage> _written = [];
    private readonly HashSet<IPinnedBuffer> _buffers = [];
    private readonly Dictionary<ICapturedRandom, (long First, long Count)> _generators = [];

    public NativeDevice Device => device;

    /// <summary>Where the step's own tensors are.</summary>
    public BlockArena Arena { get; } = new();

    /// <summary>An op of the step: its inputs from outside have to be where they are when the step is replayed.</summary>
    public void Note(in OpCall call)
    {
        var signature = call.Op.Signature;
        for (var p = 0; p < signature.Inputs.Count; p++)
        {
            var list = call.List(p);
            for (var i = 0; i < list.Length; i++)
            {
                if (list[i] is not { } tensor || Owns(tensor))
                    continue;
                Note(
                    tensor,
                    call.Op.Name,
                    signature.Inputs[p].IsList ? $"{signature.Inputs[p].Name}[{i}]" : signature.Inputs[p].Name
                );
                if (signature.Inputs[p].IsMutated)
                    _written.Add(tensor.Storage);
            }
        }
    }

    /// <summary>A copy from or to a pinned buffer.</summary>
    public void Note(IPinnedBuffer buffer) => _buffers.Add(buffer);

    /// <summary>A tensor that is copied from or to a pinned buffer.</summary>
    public void NoteCopy(Tensor tensor, string copy, bool isWritten)
    {
        if (Owns(tensor))
            return;
        Note(tensor, copy, "the tensor");
        if (isWritten)
            _written.Add(tensor.Storage);
    }

    /// <summary>A draw. Nothing is drawn before a replay, so the generator goes back when the capture ends.</summary>
    public void Drew(ICapturedRandom generator, long first) => _generators.TryAdd(generator, (first, 0));

    /// <summary>Throws when a tensor was made before the capture, but is one that every replay would have to make anew.</summary>
    public void RequireOwn(Tensor tensor, string what)
    {
        if (!Owns(tensor))
            throw new CudaGraphException(
                $"{what}, of shape {tensor.Shape} {tensor.DType.Name}, was made before the capture, and every replay would begin with that one again; "
                    + "set gradients to null (ZeroGrad) inside the captured step, before its backward pass"
            );
    }

    /// <summary>Ends the capture: keeps what replays read, and sets generators back.</summary>
    public void Complete()
    {
        foreach (var storage in _storages)
            storage.Retain();
        // Views that the step made and its frame has ended share the storage of tensors that are here, too.
        foreach (var tensor in _tensors.Keys.Where(t => !t.IsAlive).ToList())
            _tensors.Remove(tensor);
        Rewind();
    }

    /// <summary>Sets generators back to where they were: nothing has been drawn.</summary>
    public void Rewind()
    {
        foreach (var (generator, (first, _)) in _generators.ToList())
        {
            _generators[generator] = (first, generator.Offset - first);
            generator.Offset = first;
        }
    }

    /// <summary>Throws unless everything is where it was; gives kernels their random counters, and counts what the replay writes.</summary>
    public void PrepareReplay(nint stream)
    {
        foreach (var (tensor, seen) in _tensors)
            seen.Check(tensor);
        foreach (var (generator, (first, count)) in _generators)
        {
            generator.PrepareReplay(device, first);
            generator.Offset += count;
        }
        foreach (var storage in _storages)
            storage.UsedOn(stream);
        foreach (var storage in _written)
            storage.MarkWritten("a graph's replay");
    }

    public void AfterReplay()
    {
        foreach (var buffer in _buffers)
            buffer.NoteCopy();
    }

    /// <summary>Lets go of what replays read.</summary>
    public void Release()
    {
        foreach (var storage in _storages)
            storage.Release();
        _storages.Clear();
    }

    private bool Owns(Tensor tensor) => ReferenceEquals(tensor.Storage.Arena, Arena);

    private void Note(Tensor tensor, string op, string parameter)
    {
        _tensors.TryAdd(tensor, new Seen(op, parameter, tensor.DevicePointer, $"{tensor.Shape} {tensor.DType.Name}"));
        _storages.Add(tensor.Storage);
    }

    private readonly record struct Seen(string Op, string Parameter, nint Address, string Description)
    {
        public void Check(Tensor tensor)
        {
            if (!tensor.IsAlive)
                throw new CudaGraphException(
                    $"Replay: '{Parameter}' of '{Op}', {Description}, was released after the graph was captured; Keep() what a graph reads, or capture again"
                );
            if (tensor.DevicePointer != Address)
                throw new CudaGraphException(
                    $"Replay: '{Parameter}' of '{Op}', {Description}, was at 0x{Address:x} when the graph was captured and is at 0x{tensor.DevicePointer:x} "
                        + $"on {tensor.Device} now; copy new values into the old tensor (CopyFrom), or capture again"
                );
        }
    }
}
