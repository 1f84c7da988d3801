namespace CudaNet;

/// <summary>
/// A queue of device work, on simt or cuda. Work in one stream runs in order; between streams only events order it. Without
/// a scope of <see cref="Activate"/> everything goes to the device's default stream.
/// </summary>
public sealed unsafe class CudaStream : IDisposable
{
    private readonly bool _owned;
    private bool _disposed;

    private CudaStream(NativeDevice device, nint handle, bool owned)
    {
        Native = device;
        Handle = handle;
        _owned = owned;
        if (handle != 0)
            device.Register(this);
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

    /// <summary>
    /// A stream of somebody else's: on cuda a cudaStream_t, 0 being the default stream. It is not destroyed with this object. Dispose this object before
    /// the owner destroys the stream: memory that was used on it is handed out again only behind its work.
    /// </summary>
    /// <exception cref="DeviceException">The device has no streams: cpu.</exception>
    public static CudaStream FromHandle(Device device, nint handle) => new(Require(device), handle, owned: false);

    /// <summary>The stream that ops on the device go to now.</summary>
    /// <exception cref="DeviceException">The device has no streams: cpu.</exception>
    public static CudaStream Current(Device device)
    {
        var native = Require(device);
        return EngineState.Current.Stream is { } stream && ReferenceEquals(stream.Native, native)
            ? stream
            : new CudaStream(native, 0, owned: false);
    }

    /// <summary>The device.</summary>
    public Device Device => Native;

    /// <summary>The handle, on cuda a cudaStream_t; 0 is the default stream.</summary>
    public nint Handle { get; }

    internal NativeDevice Native { get; }

    /// <summary>Ops on the device go to this stream until the scope is disposed; the scope follows awaits.</summary>
    public StateScope Activate()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        return EngineState.Enter(EngineState.Current with { Stream = this });
    }

    /// <summary>Waits until its work is done; reports what went wrong meanwhile.</summary>
    public void Synchronize() =>
        Native.Api.Check(Native.Api.StreamSynchronize(Native.Index, Handle), $"waiting for a stream of {Native}");

    /// <summary>Marks the work that is in the stream now by a new event.</summary>
    public CudaEvent Record()
    {
        var mark = new CudaEvent(Device);
        mark.Record(this);
        return mark;
    }

    /// <summary>Lets later work in this stream wait for what the event was recorded behind; the host goes on.</summary>
    public void Wait(CudaEvent mark) =>
        Native.Api.Check(
            Native.Api.EventWait(Native.Index, mark.Handle, Handle),
            $"letting a stream of {Native} wait for an event"
        );

    /// <summary>Lets later work in this stream wait for the work that is in <paramref name="other"/> now.</summary>
    public void WaitFor(CudaStream other) => Native.Order(other.Handle, Handle);

    /// <summary>Waits for the stream's work, and destroys the stream if it was created here.</summary>
    public void Dispose()
    {
        if (_disposed || Handle == 0)
            return;
        Synchronize();
        _disposed = true;
        Native.Forget(this);
        if (_owned)
            Native.Api.Check(Native.Api.StreamDestroy(Native.Index, Handle), "destroying a stream");
    }

    internal static NativeDevice Require(Device device) =>
        device as NativeDevice ?? throw new DeviceException($"{device} has no streams; they belong to simt and cuda");
}
