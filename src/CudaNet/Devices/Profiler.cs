using System.Collections.Concurrent;
using System.Runtime.InteropServices;

namespace CudaNet;

/// <summary>
/// Names on the timeline of a profiler (NVTX), and times of the engine's own. Every kernel launch is inside a range with the op's name, every call of a
/// module inside one with its type's; an application adds its own. Nsight Systems listens when it has started the program. Ranges are passed on from when
/// simt or a GPU is first used; <see cref="Record"/> listens on every device. Without a listener they cost next to nothing.
/// </summary>
/// <example><code>
/// using (Profiler.Range("validation"))
///     Evaluate(model);
/// </code></example>
public static unsafe class Profiler
{
    private static readonly ConcurrentDictionary<string, nint> Names = new(StringComparer.Ordinal);
    private static NativeApi? _listener;

    /// <summary>Whether a profiler listens.</summary>
    public static bool IsAttached => _listener is not null;

    /// <summary>Opens a range on this thread, which is closed by disposing the result, inner ranges first.</summary>
    public static ProfilerRange Range(string name)
    {
        if (_listener is { } listener)
            listener.RangePush((byte*)Names.GetOrAdd(name, Marshal.StringToCoTaskMemUTF8));
        return new ProfilerRange(_listener, ProfileRecording.Current?.Open(name, ProfiledKind.Range));
    }

    /// <summary>Begins to time ranges, and calls of ops, until the result is disposed, which then holds what it has heard.</summary>
    /// <param name="ops">False to time ranges alone, and so to leave the device undisturbed.</param>
    /// <exception cref="InvalidOperationException">Another recording runs.</exception>
    public static ProfileRecording Record(bool ops = true) => ProfileRecording.Start(ops);

    /// <summary>Lets an NVTX injection library listen to a device, as setting NVTX_INJECTION64_PATH before the start does.</summary>
    /// <param name="library">The library's file.</param>
    /// <param name="device">simt or a GPU.</param>
    /// <exception cref="DeviceException">The library cannot be loaded, a listener is there already, or the device is cpu.</exception>
    public static void Attach(string library, Device device)
    {
        var api = CudaStream.Require(device).Api;
        var path = Marshal.StringToCoTaskMemUTF8(library);
        try
        {
            api.Check(api.RangesAttach((byte*)path), "attaching a profiler");
        }
        finally
        {
            Marshal.FreeCoTaskMem(path);
        }
        Listen(api);
    }

    /// <summary>A library was loaded: its ranges go to whoever listens to it.</summary>
    internal static void Listen(NativeApi api)
    {
        if (api.RangesAttached() != 0)
            _listener = api;
    }
}

/// <summary>An open range on a profiler's timeline.</summary>
public readonly struct ProfilerRange : IDisposable
{
    private readonly NativeApi? _listener;
    private readonly ProfiledSpan? _span;

    internal ProfilerRange(NativeApi? listener, ProfiledSpan? span) => (_listener, _span) = (listener, span);

    /// <summary>Closes the range.</summary>
    public unsafe void Dispose()
    {
        if (_listener is not null)
            _listener.RangePop();
        _span?.Recording.Close(_span);
    }
}
