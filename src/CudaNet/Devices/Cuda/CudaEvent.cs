namespace CudaNet;

/// <summary>A mark in a stream, on simt or cuda: other streams and the host can wait for it, and two of them tell the time between.</summary>
public sealed unsafe class CudaEvent : IDisposable
{
    private readonly NativeDevice _device;
    private nint _handle;

    /// <summary>An event that is not recorded yet; waiting for it waits for nothing.</summary>
    /// <exception cref="DeviceException">The device has no events: cpu.</exception>
    public CudaEvent(Device device)
    {
        _device = CudaStream.Require(device);
        nint handle;
        _device.Api.Check(_device.Api.EventCreate(_device.Index, &handle), $"creating an event on {device}");
        _handle = handle;
    }

    /// <summary>Destroys an event that nobody disposed.</summary>
    ~CudaEvent() => Destroy();

    /// <summary>The device.</summary>
    public Device Device => _device;

    internal nint Handle
    {
        get
        {
            ObjectDisposedException.ThrowIf(_handle == 0, this);
            return _handle;
        }
    }

    /// <summary>Whether all work before the mark is done.</summary>
    public bool IsComplete
    {
        get
        {
            int reached;
            _device.Api.Check(_device.Api.EventQuery(_device.Index, Handle, &reached), "asking for an event");
            return reached != 0;
        }
    }

    /// <summary>Puts the mark behind the work that is in the stream now, the current one unless another is named; an earlier mark is forgotten.</summary>
    public void Record(CudaStream? stream = null) =>
        _device.Api.Check(
            _device.Api.EventRecord(_device.Index, Handle, stream?.Handle ?? _device.CurrentStream),
            $"recording an event on {_device}"
        );

    /// <summary>Waits until the work before the mark is done; reports what went wrong meanwhile.</summary>
    public void Synchronize() =>
        _device.Api.Check(_device.Api.EventSynchronize(_device.Index, Handle), $"waiting for an event of {_device}");

    /// <summary>Waits without reporting errors: for finalizers, which must not throw.</summary>
    internal void SynchronizeQuietly() => _device.Api.EventSynchronize(_device.Index, _handle);

    /// <summary>The device's time from this mark to a later one; both must have been reached.</summary>
    /// <exception cref="DeviceException">One was not recorded or is not reached; call Synchronize first.</exception>
    public TimeSpan ElapsedTo(CudaEvent end)
    {
        float milliseconds;
        _device.Api.Check(
            _device.Api.EventElapsed(_device.Index, Handle, end.Handle, &milliseconds),
            "the time between two events (call Synchronize on the later one first)"
        );
        return TimeSpan.FromMilliseconds(milliseconds);
    }

    /// <summary>Destroys the event. Who waits for it already goes on waiting.</summary>
    public void Dispose()
    {
        Destroy();
        GC.SuppressFinalize(this);
    }

    private void Destroy()
    {
        var handle = Interlocked.Exchange(ref _handle, 0);
        if (handle != 0)
            _device.Api.EventDestroy(_device.Index, handle);
    }
}
