namespace CudaNet;

/// <summary>
/// A place where tensors live and ops run: <c>cpu</c> (managed kernels), <c>simt</c> (the CUDA kernels, run on the CPU) or
/// <c>cuda:N</c> (the same kernels on a GPU).
/// </summary>
public abstract class Device
{
    private readonly Lazy<MemoryPool> _memory;

    private protected Device(string name)
    {
        Name = name;
        _memory = new(() => new MemoryPool(this));
    }

    /// <summary>The managed device; always there.</summary>
    public static Device Cpu => CpuDevice.Instance;

    /// <summary>The device that runs the CUDA kernels on the CPU.</summary>
    /// <exception cref="DeviceException">libcudanet_simt.so is missing or cannot be loaded.</exception>
    public static Device Simt => NativeDevice.Open("simt", 0);

    /// <summary>A GPU by its number.</summary>
    /// <exception cref="DeviceException">libcudanet_cuda.so, the driver or the GPU is missing.</exception>
    public static Device Cuda(int index = 0) => NativeDevice.Open("cuda", index);

    /// <summary>The device of tensors made without naming one.</summary>
    public static Device Default => EngineState.Current.DefaultDevice ?? Cpu;

    /// <summary>Makes this the default device until the scope is disposed.</summary>
    public StateScope AsDefault() => EngineState.Enter(EngineState.Current with { DefaultDevice = this });

    /// <summary>Reads <c>cpu</c>, <c>simt</c>, <c>cuda</c> or <c>cuda:N</c>.</summary>
    /// <exception cref="DeviceException">The text names no device, or the device is not there.</exception>
    public static Device Parse(string text)
    {
        var name = text.Trim().ToLowerInvariant();
        if (name == "cpu")
            return Cpu;
        if (name == "simt")
            return Simt;
        if (name == "cuda")
            return Cuda();
        if (
            name.StartsWith("cuda:", StringComparison.Ordinal)
            && int.TryParse(name.AsSpan(5), out var index)
            && index >= 0
        )
            return Cuda(index);
        throw new DeviceException($"'{text}' is no device; expected cpu, simt, cuda or cuda:N");
    }

    /// <summary><c>cpu</c>, <c>simt</c> or <c>cuda:N</c>.</summary>
    public string Name { get; }

    /// <summary>Whether the host can read its memory through the tensor's pointer without copying.</summary>
    public abstract bool IsHostMemory { get; }

    /// <summary>What tensors use of its memory, and what the pool holds.</summary>
    public MemoryStatistics MemoryStatistics => Memory.Statistics;

    /// <summary>Lets <see cref="MemoryStatistics.Peak"/> begin again from what is in use now.</summary>
    public void ResetPeakMemory() => Memory.ResetPeak();

    /// <summary>Gives the memory that no tensor uses back to the device, for other programs; waits for the device.</summary>
    public void EmptyCache() => Memory.TrimFree();

    internal MemoryPool Memory => _memory.Value;

    /// <summary>Runs one op: inputs are checked, outputs allocated.</summary>
    internal abstract void Execute(in OpCall call);

    /// <summary>Waits until all work given to this device is done; reports what went wrong meanwhile.</summary>
    public abstract void Synchronize();

    /// <summary>The stream that this flow of execution gives its work to.</summary>
    internal virtual nint CurrentStream => 0;

    /// <summary>The current stream works on a block, whose next use must wait for it.</summary>
    internal void NoteUse(Storage block) => block.UsedOn(CurrentStream);

    /// <summary>Called before a block serves again on a stream: lets it wait for those that may still work on the block.</summary>
    internal virtual void PrepareReuse(Storage block, nint stream) { }

    /// <summary>Whether an access beyond a raw allocation ends the program, as it does under AddressSanitizer.</summary>
    internal virtual bool HasRedZones => false;

    internal abstract unsafe void* AllocateRaw(long bytes);

    internal abstract unsafe void FreeRaw(void* pointer, long bytes);

    internal abstract unsafe void CopyFromHost(void* destination, void* source, long bytes);

    internal abstract unsafe void CopyToHost(void* destination, void* source, long bytes);

    internal abstract unsafe void CopyWithin(void* destination, void* source, long bytes);

    /// <summary>Host memory from and to which copies run beside other work.</summary>
    internal abstract unsafe void* AllocateHost(long bytes);

    internal abstract unsafe void FreeHost(void* pointer);

    /// <summary>Begins a copy between the device and memory from <see cref="AllocateHost"/>, on the current stream.</summary>
    internal abstract unsafe void BeginCopy(void* destination, void* source, long bytes, bool toHost);

    internal abstract unsafe void Fill(void* destination, byte value, long bytes);

    /// <inheritdoc/>
    public override string ToString() => Name;
}
