using System.Runtime.InteropServices;

namespace CudaNet;

/// <summary>The managed device: vectorised kernels where an op has one, its textbook loop otherwise.</summary>
internal sealed unsafe class CpuDevice : Device
{
    private const nuint Alignment = 64; // a cache line and the widest vector

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
            return NativeMemory.AlignedAlloc((nuint)Math.Max(bytes, 1), Alignment);
        }
        catch (OutOfMemoryException)
        {
            return null;
        }
    }

    internal override void FreeRaw(void* pointer, long bytes) => NativeMemory.AlignedFree(pointer);

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
