using System.Collections.Concurrent;

namespace CudaNet;

/// <summary>Memory, copies and the order of streams.</summary>
internal sealed unsafe partial class NativeDevice
{
    private const int ToDevice = 0;
    private const int ToHost = 1;
    private const int Within = 2;

    private readonly ConcurrentDictionary<nint, CudaStream> _streams = new();

    internal override nint CurrentStream => StreamOf(EngineState.Current);

    /// <summary>Streams that blocks may have been used on are waited for as long as they exist.</summary>
    public void Register(CudaStream stream) => _streams[stream.Handle] = stream;

    public void Forget(CudaStream stream) => _streams.TryRemove(stream.Handle, out _);

    private nint StreamOf(EngineState state) =>
        state.Stream is { } stream && ReferenceEquals(stream.Native, this) ? stream.Handle : 0;

    public override void Synchronize() => Api.Check(Api.DeviceSynchronize(_index), $"waiting for {Name}");

    internal override void PrepareReuse(Storage block, nint stream)
    {
        // Work that is already queued in the same stream comes first by itself.
        if (block.Stream != stream)
            Order(block.Stream, stream);
        foreach (var other in block.OtherStreams)
            if (other != stream)
                Order(other, stream);
    }

    /// <summary>Lets later work in one stream wait for what is in another now. A stream that is gone was waited for when it went.</summary>
    internal void Order(nint earlier, nint later)
    {
        if (earlier != 0 && !_streams.ContainsKey(earlier))
            return;
        nint mark;
        Api.Check(Api.EventCreate(_index, &mark), $"creating an event on {Name}");
        try
        {
            Api.Check(Api.EventRecord(_index, mark, earlier), $"recording an event on {Name}");
            Api.Check(Api.EventWait(_index, mark, later), $"waiting for an event on {Name}");
        }
        finally
        {
            Api.EventDestroy(_index, mark);
        }
    }

    internal override void* AllocateRaw(long bytes)
    {
        void* pointer;
        var status = Api.Alloc(_index, bytes, CurrentStream, &pointer);
        if (status == (int)CnStatus.OutOfMemory)
            return null;
        Api.Check(status, $"allocating {bytes:N0} bytes on {Name}");
        return pointer;
    }

    internal override void FreeRaw(void* pointer, long bytes) =>
        Api.Check(Api.Free(_index, pointer, CurrentStream), $"freeing {bytes:N0} bytes on {Name}");

    internal override void CopyFromHost(void* destination, void* source, long bytes)
    {
        RefuseCapture("writes a tensor from the host (Tensor.From, Scalar, CopyFrom, To)");
        Copy(destination, source, bytes, ToDevice);
    }

    internal override void CopyToHost(void* destination, void* source, long bytes)
    {
        RefuseCapture("reads a tensor on the host (Item, ToArray, To)");
        Copy(destination, source, bytes, ToHost);
    }

    internal override void CopyWithin(void* destination, void* source, long bytes) =>
        Copy(destination, source, bytes, Within);

    private void RefuseCapture(string what)
    {
        if (EngineState.Current.Capture is { } capture && ReferenceEquals(capture.Device, this))
            throw new CudaGraphException(
                $"the captured step {what}: a replay could not repeat it. Make such tensors before the capture, keep them, and copy new values "
                    + "into them between replays; read results after a replay. What is made in a first step (an optimiser's state, a "
                    + "generator's) exists after running the step once, or with warmup: 1"
            );
    }

    private void Copy(void* destination, void* source, long bytes, int kind)
    {
        if (bytes > 0)
            Api.Check(
                Api.Copy(_index, destination, source, bytes, kind, CurrentStream),
                $"copying {bytes:N0} bytes on {Name}"
            );
    }

    internal override void* AllocateHost(long bytes)
    {
        void* pointer;
        Api.Check(Api.HostAlloc(_index, bytes, &pointer), $"allocating {bytes:N0} bytes of pinned host memory");
        return pointer;
    }

    internal override void FreeHost(void* pointer) =>
        Api.Check(Api.HostFree(_index, pointer), "freeing pinned host memory");

    internal override void BeginCopy(void* destination, void* source, long bytes, bool toHost) =>
        Api.Check(
            Api.CopyAsync(_index, destination, source, bytes, toHost ? ToHost : ToDevice, CurrentStream),
            $"copying {bytes:N0} bytes on {Name}"
        );

    internal override void Fill(void* destination, byte value, long bytes)
    {
        if (bytes > 0)
            Api.Check(
                Api.Memset(_index, destination, value, bytes, CurrentStream),
                $"filling {bytes:N0} bytes on {Name}"
            );
    }
}
