namespace CudaNet;

/// <summary>
/// Host memory that a device copies from and to while the host and other streams go on (page-locked memory; on cpu ordinary memory). The buffer remembers
/// its last copy, so that <see cref="Span"/> never shows or changes elements that are still under way. A loader that fills one buffer
/// while another is uploaded needs two.
/// </summary>
/// <example><code>
/// using var buffer = new PinnedBuffer&lt;float&gt;(batch * features, device);
/// Fill(buffer.Span);            // waits for the upload before
/// images.CopyFromAsync(buffer); // returns at once
/// </code></example>
public sealed unsafe class PinnedBuffer<T> : IDisposable, IPinnedBuffer
    where T : unmanaged
{
    private readonly CudaEvent? _copied;
    private T* _data;

    /// <summary>A buffer of <paramref name="length"/> elements with undefined values.</summary>
    /// <param name="length">The number of elements.</param>
    /// <param name="device">Where copies go to and come from; the default device when null.</param>
    /// <exception cref="DTypeException"><typeparamref name="T"/> is no element type.</exception>
    public PinnedBuffer(int length, Device? device = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        DType = DTypes.Of<T>();
        Device = device ?? Device.Default;
        Length = length;
        _data = (T*)Device.AllocateHost(Math.Max(1, (long)length * sizeof(T)));
        if (Device is not NativeDevice)
            return;
        _copied = new CudaEvent(Device);
        GC.SuppressFinalize(_copied); // it must live as long as this object's finalizer needs it
    }

    /// <summary>Frees the memory when nobody has disposed the buffer.</summary>
    ~PinnedBuffer() => Free();

    /// <summary>Where copies go to and come from.</summary>
    public Device Device { get; }

    /// <summary>The number of elements.</summary>
    public int Length { get; }

    /// <summary>The element type, as tensors call it.</summary>
    public DType DType { get; }

    /// <summary>Whether no copy from or to the buffer is under way.</summary>
    public bool IsIdle => _copied?.IsComplete ?? true;

    /// <summary>The elements; waits for the buffer's last copy.</summary>
    public Span<T> Span
    {
        get
        {
            Wait();
            return new Span<T>(Data, Length);
        }
    }

    private T* Data
    {
        get
        {
            ObjectDisposedException.ThrowIf(_data == null, this);
            return _data;
        }
    }

    /// <summary>Waits for the buffer's last copy; reports what went wrong on its stream meanwhile.</summary>
    public void Wait() => _copied?.Synchronize();

    void IPinnedBuffer.NoteCopy() => _copied?.Record();

    /// <summary>Begins a copy from or to the buffer on the current stream.</summary>
    internal void BeginCopy(void* deviceMemory, bool toHost)
    {
        if (Length == 0)
            return;
        var data = Data;
        Device.BeginCopy(toHost ? data : deviceMemory, toHost ? deviceMemory : data, (long)Length * sizeof(T), toHost);
        if (EngineState.Current.Capture is { } capture)
            capture.Note(this);
        else
            _copied?.Record();
    }

    /// <summary>Waits for the last copy and frees the memory.</summary>
    public void Dispose()
    {
        if (_data == null)
            return;
        Wait();
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        if (_data == null)
            return;
        // A copy that is still under way keeps no reference to the buffer.
        _copied?.SynchronizeQuietly();
        _copied?.Dispose();
        Device.FreeHost(_data);
        _data = null;
    }
}

/// <summary>A pinned buffer as a captured graph sees it.</summary>
internal interface IPinnedBuffer
{
    /// <summary>A replay has put copies from or to the buffer into the current stream.</summary>
    void NoteCopy();
}
