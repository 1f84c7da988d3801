namespace CudaNet;

/// <summary>
/// A step's launches with their arguments, recorded once and launched again as one piece of work: the host then spends microseconds on a whole
/// training step. A replay works on the same memory: new inputs are copied into the tensors that the captured step read, and results are read
/// from those that it made and kept. What changes from step to step lives in device memory (learning rate, step count, random counters), so replays equal
/// ordinary steps bit for bit.
/// </summary>
/// <example><code>
/// Tensor loss = null!;
/// using var graph = CudaGraph.Capture(() =>
/// {
///     optimizer.ZeroGrad();
///     loss = model.Call(images).CrossEntropy(labels).Keep();
///     loss.Backward();
///     optimizer.Step();
/// }, device, warmup: 1);
/// images.CopyFrom&lt;float&gt;(next);
/// graph.Replay();
/// Console.WriteLine(loss.Item());
/// </code></example>
public sealed unsafe class CudaGraph : IDisposable
{
    private readonly GraphCapture _capture;
    private readonly NativeDevice _device;
    private readonly CudaEvent _replayed;
    private nint _handle;

    private CudaGraph(GraphCapture capture, nint handle)
    {
        (_capture, _device) = (capture, capture.Device);
        _replayed = new CudaEvent(_device);
        GC.SuppressFinalize(_replayed); // it must live as long as this object's finalizer needs it
        _handle = handle;
    }

    /// <summary>Records what a step gives the device to do; the step itself is not run, except for <paramref name="warmup"/>.</summary>
    /// <param name="step">The work, on one device: no reading of values on the host, nothing from the host except through pinned buffers.
    /// It runs in a lifetime frame; Keep() the results.</param>
    /// <param name="device">simt or a GPU; the default device when null.</param>
    /// <param name="warmup">How often to run the step as usual before: what only the first step does, such as making the state of an optimiser, cannot be
    /// captured. These runs count: they change the weights.</param>
    /// <exception cref="CudaGraphException">The step does what a replay could not repeat.</exception>
    /// <exception cref="DeviceException">The device has no graphs: cpu.</exception>
    public static CudaGraph Capture(Action step, Device? device = null, int warmup = 0)
    {
        var native = CudaStream.Require(device ?? Device.Default);
        if (EngineState.Current.Capture is not null)
            throw new CudaGraphException("Capture: a graph is being captured already");
        for (var i = 0; i < warmup; i++)
            using (Lifetime.Frame())
                step();
        // What the step reads was perhaps written on other streams, and the capture waits for none.
        native.Synchronize();
        using var stream = CudaStream.Create(native);
        var capture = new GraphCapture(native);
        native.Api.Check(native.Api.CaptureBegin(native.Index, stream.Handle), $"beginning a capture on {native}");
        nint handle;
        try
        {
            using (EngineState.Enter(EngineState.Current with { Stream = stream, Capture = capture }))
            using (Lifetime.Frame())
                step();
        }
        catch
        {
            native.Api.CaptureEnd(native.Index, stream.Handle, null);
            capture.Rewind();
            native.Memory.Close(capture.Arena);
            throw;
        }
        native.Api.Check(native.Api.CaptureEnd(native.Index, stream.Handle, &handle), $"ending a capture on {native}");
        capture.Complete();
        return new CudaGraph(capture, handle);
    }

    /// <summary>Frees a graph that nobody disposed.</summary>
    ~CudaGraph() => Free();

    /// <summary>The device.</summary>
    public Device Device => _device;

    /// <summary>How many launches, copies and fills a replay consists of.</summary>
    public long NodeCount
    {
        get
        {
            ObjectDisposedException.ThrowIf(_handle == 0, this);
            long count;
            _device.Api.Check(_device.Api.GraphNodeCount(_device.Index, _handle, &count), "counting a graph's nodes");
            return count;
        }
    }

    /// <summary>Runs the step again on the current stream; returns at once.</summary>
    /// <exception cref="CudaGraphException">A tensor that the step reads is not where it was, or a graph is being captured.</exception>
    public void Replay()
    {
        ObjectDisposedException.ThrowIf(_handle == 0, this);
        if (EngineState.Current.Capture is not null)
            throw new CudaGraphException("Replay: a graph is being captured; a graph cannot be part of another");
        var stream = _device.CurrentStream;
        _capture.PrepareReplay(stream);
        using var range = Profiler.Range("CudaGraph.Replay");
        using var timer = ProfileRecording.Time("captured graph", _device);
        _device.Api.Check(_device.Api.GraphLaunch(_device.Index, _handle, stream), $"replaying a graph on {_device}");
        _capture.AfterReplay();
        _replayed.Record();
    }

    /// <summary>Waits for the last replay and frees the graph; its memory serves others from now on, except that of tensors still in use.</summary>
    public void Dispose()
    {
        if (_handle == 0)
            return;
        _replayed.Synchronize();
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        if (_handle == 0)
            return;
        _replayed.SynchronizeQuietly();
        _replayed.Dispose();
        _device.Api.GraphDestroy(_device.Index, _handle);
        _handle = 0;
        _capture.Release();
        _device.Memory.Close(_capture.Arena);
    }
}
