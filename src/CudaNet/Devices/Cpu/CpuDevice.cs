using System.Runtime.InteropServices;

namespace CudaNet;

/// <summary>The managed device: vectorised kernels where an op has one, its textbook loop otherwise.</summary>
internal sealed unsafe class CpuDevice : Device
{
    private const nuint Alignment = 64; // a cache line and the widest vector

    // Large blocks would all start at the same place of a page. A processor compares loads with the stores before them by their place in
    // the page alone: loops over several such blocks would wait for stores that do not concern them. So each starts elsewhere.
    private const nuint PageSize = 4096;
    private const long SmallestSpread = 16 * (long)PageSize;
    private const nuint Spread = 39 * Alignment; // three fifths of a page from the block before, and far from the next few

    private static int _spreads;

    private CpuDevice()
        : base("cpu") { }

    public static CpuDevice Instance { get; } = new();

    public override bool IsHostMemory => true;

    internal override void Execute(in OpCall call)
    {
        if (call.Op.Cpu is { } kernel && !EngineState.Current.UseReference)
            kernel(call);
        else
            ReferenceRunner.Run(call);
    }

    public override void Synchronize() { }

    internal override void* AllocateRaw(long bytes)
    {
        try
        {
            if (bytes < SmallestSpread)
                return NativeMemory.AlignedAlloc((nuint)Math.Max(bytes, 1), Alignment);
            var page = (byte*)NativeMemory.AlignedAlloc((nuint)bytes + PageSize, PageSize);
            return page + (uint)Interlocked.Increment(ref _spreads) * Spread % PageSize;
        }
        catch (OutOfMemoryException)
        {
            return null;
        }
    }

    internal override void FreeRaw(void* pointer, long bytes) =>
        NativeMemory.AlignedFree(bytes < SmallestSpread ? pointer : (void*)((nuint)pointer & ~(PageSize - 1)));

    internal override void CopyFromHost(void* destination, void* source, long bytes) =>
        CopyWithin(destination, source, bytes);

    internal override void CopyToHost(void* destination, void* source, long bytes) =>
        CopyWithin(destination, source, bytes);

    internal override void CopyWithin(void* destination, void* source, long bytes) =>
        Buffer.MemoryCopy(source, destination, bytes, bytes);

    internal override void* AllocateHost(long bytes) => AllocateRaw(bytes);

    internal override void FreeHost(void* pointer) => NativeMemory.AlignedFree(pointer);

    internal override void BeginCopy(void* destination, void* source, long bytes, bool toHost) =>
        CopyWithin(destination, source, bytes);

    internal override void Fill(void* destination, byte value, long bytes) =>
        NativeMemory.Fill(destination, (nuint)bytes, value);
}
