using System.Diagnostics;

namespace CudaNet;

/// <summary>What a <see cref="ProfiledSpan"/> is.</summary>
public enum ProfiledKind
{
    /// <summary>A range: a module's call, a phase of training, or one of the application's own.</summary>
    Range,

    /// <summary>The call of an op.</summary>
    Op,
}

/// <summary>A range or the call of an op, with its times in seconds from the beginning of the recording.</summary>
public sealed class ProfiledSpan
{
    internal ProfiledSpan(ProfileRecording recording, string name, ProfiledKind kind, int depth) =>
        (Recording, Name, Kind, Depth, Thread) = (recording, name, kind, depth, Environment.CurrentManagedThreadId);

    internal ProfileRecording Recording { get; }

    /// <summary>The range's or the op's name.</summary>
    public string Name { get; }

    /// <summary>What it is.</summary>
    public ProfiledKind Kind { get; }

    /// <summary>How many spans of its thread it lies in.</summary>
    public int Depth { get; }

    /// <summary>The managed thread's number.</summary>
    public int Thread { get; }

    /// <summary>When it began on the host.</summary>
    public double Start { get; internal set; }

    /// <summary>How long the host was in it. A GPU may work on it long after.</summary>
    public double Seconds { get; internal set; }

    /// <summary>When simt or a GPU began with an op, by its own clock; null for ranges, and on cpu.</summary>
    public double? DeviceStart { get; internal set; }

    /// <summary>How long simt or a GPU took for an op; null for ranges, and on cpu.</summary>
    public double? DeviceSeconds { get; internal set; }

    /// <summary>Bytes that the op must read and write once.</summary>
    public double Bytes { get; internal set; }

    /// <summary>Floating operations of the op.</summary>
    public double Flops { get; internal set; }

    /// <summary>The time that counts: the device's where it has a clock of its own, otherwise the host's.</summary>
    public double Time => DeviceSeconds ?? Seconds;
}

/// <summary>
/// Times of ranges and ops, from <see cref="Profiler.Record"/> on until it is disposed. On cpu they are the host's; on simt and on GPUs ops lie between two
/// events in their stream, so that the host need not wait. One recording runs at a time, for all threads.
/// </summary>
public sealed class ProfileRecording : IDisposable
{
    private static ProfileRecording? s_current;

    // Spans that are open on this thread in the recording that counts them.
    [ThreadStatic]
    private static (ProfileRecording? Recording, int Depth) s_open;

    private readonly long _began = Stopwatch.GetTimestamp();
    private readonly Lock _gate = new();
    private readonly Dictionary<Device, DeviceClock> _clocks = [];
    private readonly bool _ops;
    private List<ProfiledSpan> _spans = [];

    private ProfileRecording(bool ops) => _ops = ops;

    /// <summary>Called when a range has been closed, on its thread.</summary>
    public event Action<ProfiledSpan>? RangeClosed;

    /// <summary>What was recorded, in the order in which it began. Times of a device are there after the recording's end.</summary>
    public IReadOnlyList<ProfiledSpan> Spans => _spans;

    internal static ProfileRecording? Current => Volatile.Read(ref s_current);

    private double Now => Stopwatch.GetElapsedTime(_began).TotalSeconds;

    internal static ProfileRecording Start(bool ops)
    {
        var recording = new ProfileRecording(ops);
        return Interlocked.CompareExchange(ref s_current, recording, null) is null
            ? recording
            : throw new InvalidOperationException("Profiler.Record: another recording runs; dispose it first");
    }

    /// <summary>Forgets what was recorded so far, such as steps that only warm up.</summary>
    public void Clear()
    {
        lock (_gate)
        {
            _spans = [];
            foreach (var clock in _clocks.Values)
                clock.Read();
        }
    }

    /// <summary>Ends the recording; waits for the devices that took part.</summary>
    public void Dispose()
    {
        if (!ReferenceEquals(Interlocked.CompareExchange(ref s_current, null, this), this))
            return;
        lock (_gate)
            foreach (var clock in _clocks.Values)
                clock.Dispose();
    }

    /// <summary>Times what is done with a device until the result is disposed: a launch, or those of a captured graph.</summary>
    internal static OpTimer Time(string name, Device device) =>
        Current is { _ops: true } recording ? recording.Begin(name, device) : default;

    /// <summary>Runs a call, and times it if there is a recording.</summary>
    internal static void Execute(in OpCall call, Device device)
    {
        using var timer = Time(call.Op.Name, device);
        if (timer.Span is { } span)
            (span.Bytes, span.Flops) = (call.Op.Bytes(call), call.Op.Flops(call));
        device.Execute(call);
    }

    internal ProfiledSpan Open(string name, ProfiledKind kind)
    {
        var depth = ReferenceEquals(s_open.Recording, this) ? s_open.Depth : 0;
        s_open = (this, depth + 1);
        var span = new ProfiledSpan(this, name, kind, depth) { Start = Now };
        lock (_gate)
            _spans.Add(span);
        return span;
    }

    internal void Close(ProfiledSpan span)
    {
        span.Seconds = Now - span.Start;
        s_open = (this, span.Depth);
        if (span.Kind == ProfiledKind.Range)
            RangeClosed?.Invoke(span);
    }

    private OpTimer Begin(string name, Device device)
    {
        // What is captured does not run now.
        if (device is not NativeDevice native || EngineState.Current.Capture is not null)
            return new OpTimer(Open(name, ProfiledKind.Op), null, null);
        DeviceClock? clock;
        lock (_gate)
            if (!_clocks.TryGetValue(device, out clock))
                _clocks[device] = clock = new DeviceClock(native, Now);
        return new OpTimer(Open(name, ProfiledKind.Op), clock, clock.Mark());
    }

    /// <summary>An op that runs.</summary>
    internal readonly ref struct OpTimer(ProfiledSpan? span, DeviceClock? clock, CudaEvent? begin)
    {
        public ProfiledSpan? Span => span;

        public void Dispose()
        {
            if (span is null)
                return;
            clock?.Add(span, begin!, clock.Mark());
            span.Recording.Close(span);
        }
    }

    /// <summary>When a device reaches places in its streams.</summary>
    internal sealed class DeviceClock : IDisposable
    {
        private const int MostUnread = 1024;

        private readonly NativeDevice _device;
        private readonly CudaEvent _origin;
        private readonly double _originOnHost;
        private readonly Stack<CudaEvent> _free = new();
        private readonly List<(ProfiledSpan Span, CudaEvent Begin, CudaEvent End)> _unread = [];

        public DeviceClock(NativeDevice device, double now)
        {
            // An idle device reaches the mark at once, which ties its clock to the host's.
            device.Synchronize();
            (_device, _originOnHost, _origin) = (device, now, new CudaEvent(device));
            _origin.Record();
        }

        public CudaEvent Mark()
        {
            CudaEvent? mark;
            lock (_unread)
                if (!_free.TryPop(out mark))
                    mark = new CudaEvent(_device);
            mark.Record();
            return mark;
        }

        public void Add(ProfiledSpan span, CudaEvent begin, CudaEvent end)
        {
            lock (_unread)
            {
                _unread.Add((span, begin, end));
                if (_unread.Count >= MostUnread)
                    Read();
            }
        }

        /// <summary>Waits for the marks that are set, and tells their times.</summary>
        public void Read()
        {
            lock (_unread)
            {
                foreach (var (span, begin, end) in _unread)
                {
                    end.Synchronize();
                    span.DeviceStart = _originOnHost + _origin.ElapsedTo(begin).TotalSeconds;
                    span.DeviceSeconds = begin.ElapsedTo(end).TotalSeconds;
                    _free.Push(begin);
                    _free.Push(end);
                }
                _unread.Clear();
            }
        }

        public void Dispose()
        {
            Read();
            foreach (var mark in _free)
                mark.Dispose();
            _origin.Dispose();
        }
    }
}
