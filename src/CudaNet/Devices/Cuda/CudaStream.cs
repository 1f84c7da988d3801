namespace CudaNet;

/// <summary>A queue of device work, on simt or cuda. Work in one stream runs in order; between streams only events order it.</summary>
public sealed unsafe class CudaStream : IDisposable
{
    private readonly bool _owned;

    private CudaStream(NativeDevice device, nint handle, bool owned)
    {
        Native = device;
        Handle = handle;
        _owned = owned;
    }

    /// <summary>A new stream.</summary>
    /// <exception cref="DeviceException">The device has no streams: cpu.</exception>
    public static CudaStream Create(Device device)
    {
        var native = Require(device);
        nint handle;
        native.Api.Check(native.Api.StreamCreate(native.Index, &handle), $"creating a stream on {device}");
        return new CudaStream(native, handle, owned: true);
    }

    /// <summary>A stream of somebody else's: on cuda a cudaStream_t. It is not destroyed with this object.</summary>
    public static CudaStream FromHandle(Device device, nint handle) => new(Require(device), handle, owned: false);

    /// <summary>The device.</summary>
    public Device Device => Native;

    /// <summary>The handle, on cuda a cudaStream_t.</summary>
    public nint Handle { get; private set; }

    internal NativeDevice Native { get; }

    /// <summary>This thread's ops on the device go to this stream until the scope is disposed.</summary>
    public StreamScopeToken Use() => Native.Use(this);

    /// <summary>Waits until its work is done; reports what went wrong meanwhile.</summary>
    public void Synchronize() =>
        Native.Api.Check(Native.Api.StreamSynchronize(Native.Index, Handle), $"waiting for a stream of {Native}");

    /// <summary>Lets later work in this stream wait for the work that is in <paramref name="other"/> now.</summary>
    public void WaitFor(CudaStream other)
    {
        nint mark;
        var api = Native.Api;
        api.Check(api.EventCreate(Native.Index, &mark), "creating an event");
        api.Check(api.EventRecord(Native.Index, mark, other.Handle), "recording an event");
        api.Check(api.EventWait(Native.Index, mark, Handle), "waiting for an event");
        api.Check(api.EventDestroy(Native.Index, mark), "destroying an event");
    }

    /// <summary>Waits for the stream's work and destroys it, if it was created here.</summary>
    public void Dispose()
    {
        if (!_owned || Handle == 0)
            return;
        Synchronize();
        Native.Api.Check(Native.Api.StreamDestroy(Native.Index, Handle), "destroying a stream");
        Handle = 0;
    }

    private static NativeDevice Require(Device device) =>
        device as NativeDevice ?? throw new DeviceException($"{device} has no streams; they belong to simt and cuda");
}

/// <summary>Ends the use of a stream when disposed.</summary>
public readonly struct StreamScopeToken : IDisposable
{
    private readonly CudaStream? _previous;

    internal StreamScopeToken(CudaStream? previous) => _previous = previous;

    /// <summary>Makes the previous stream the thread's current one again.</summary>
    public void Dispose() => NativeDevice.RestoreStream(_previous);
}
