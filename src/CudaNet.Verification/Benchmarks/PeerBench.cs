using System.Diagnostics;

namespace CudaNet.Verification;

/// <summary>How a comparison is measured.</summary>
public sealed record PeerBenchOptions
{
    /// <summary>How often each side is measured, in turn; the medians count.</summary>
    public int Rounds { get; init; } = 21;

    /// <summary>Seconds per row and number of threads, both sides and all rounds together. Long calls take longer.</summary>
    public double SecondsPerRow { get; init; } = 1;

    /// <summary>The numbers of threads; those that the machine does not have are left out. Devices other than cpu count as one.</summary>
    public IReadOnlyList<int> Threads { get; init; } = [1, 2];

    /// <summary>Where our side runs; the peer uses its own GPU where this is one.</summary>
    public Device Device { get; init; } = Device.Cpu;

    /// <summary>Whether the device is a GPU, whose caches have to be outrun and whose work has to be waited for.</summary>
    internal bool IsGpu => Device is NativeDevice { Backend: "cuda" };
}

/// <summary>
/// Times rows on both sides in one run, in rounds: ours, the peer's, ours, the peer's. A machine that slows down for a while slows both, and
/// neither runs while the other does.
/// </summary>
public static class PeerBench
{
    private const double WarmUpSeconds = 0.1;

    /// <summary>Measures the rows; without a peer, our side alone.</summary>
    /// <param name="rows">What is measured.</param>
    /// <param name="peer">The other side, or null.</param>
    /// <param name="options">How it is measured.</param>
    /// <param name="report">Hears each result when it is there.</param>
    /// <param name="cancel">Ends the run with an <see cref="OperationCanceledException"/>.</param>
    public static IReadOnlyList<PeerResult> Run(
        IReadOnlyList<PeerRow> rows,
        IPeer? peer,
        PeerBenchOptions options,
        Action<PeerResult>? report = null,
        CancellationToken cancel = default
    )
    {
        ArgumentNullException.ThrowIfNull(rows);
        ArgumentNullException.ThrowIfNull(options);
        var results = new List<PeerResult>();
        var before = CpuThreads.Count;
        try
        {
            var numbers = options.Device == Device.Cpu ? options.Threads.Where(threads => threads <= before) : [1];
            foreach (var threads in numbers)
            {
                CpuThreads.Count = threads;
                foreach (var row in rows)
                {
                    cancel.ThrowIfCancellationRequested();
                    using var frame = Lifetime.Frame();
                    results.Add(Measure(row, peer, threads, options));
                    report?.Invoke(results[^1]);
                }
            }
        }
        finally
        {
            CpuThreads.Count = before;
        }
        return results;
    }

    private static PeerResult Measure(PeerRow row, IPeer? peer, int threads, PeerBenchOptions options)
    {
        var environment = peer?.Prepare(row, options.IsGpu ? 0 : threads) ?? "";
        var task = PeerTasks.Prepare(row, options.Device);
        Time(task.Call, options.Device, WarmUpSeconds);
        var seconds = options.SecondsPerRow / options.Rounds / (peer is null ? 1 : 2);
        var (ours, theirs) = (new List<double>(), new List<double>());
        for (var round = 0; round < options.Rounds; round++)
        {
            ours.Add(Time(task.Call, options.Device, seconds));
            if (peer is not null)
                theirs.Add(peer.Time(seconds));
        }
        var work = row.Goal.Rate switch
        {
            PeerRate.Gflops => task.Flops,
            PeerRate.Gbps => task.Bytes,
            _ => 1,
        };
        return new(row, threads, Median(ours) * 1e3, peer is null ? null : Median(theirs) * 1e3, work, environment);
    }

    /// <summary>Seconds for one call, over as many as fit into the time, after one that brings data and threads back.</summary>
    private static double Time(Action call, Device device, double seconds)
    {
        var once = Calls(call, device, 1);
        if (once < seconds / 4)
            once = Calls(call, device, 1);
        return Calls(call, device, Math.Max(1, (int)(seconds / Math.Max(once, 1e-7))));
    }

    private static double Calls(Action call, Device device, int count)
    {
        var watch = Stopwatch.StartNew();
        for (var i = 0; i < count; i++)
            call();
        device.Synchronize();
        return watch.Elapsed.TotalSeconds / count;
    }

    /// <summary>10⁹ bytes a second, read and written, with which a device copies a large block: what work bound by memory can reach.</summary>
    public static double MeasureCopy(PeerBenchOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        using var frame = Lifetime.Frame();
        using var noGrad = Autograd.NoGrad();
        var bytes = options.IsGpu ? 1L << 30 : 1L << 22;
        var source = Tensor.Zeros([bytes / sizeof(float)], device: options.Device);
        var copy = () =>
        {
            using var inner = Lifetime.Frame();
            source.Clone();
        };
        var seconds = options.SecondsPerRow / options.Rounds;
        Time(copy, options.Device, WarmUpSeconds);
        return 2
            * bytes
            / 1e9
            / Median([.. Enumerable.Range(0, options.Rounds).Select(_ => Time(copy, options.Device, seconds))]);
    }

    /// <summary>The middle one, or the mean of the two middle ones.</summary>
    public static double Median(IReadOnlyCollection<double> values)
    {
        var sorted = values.Order().ToArray();
        return (sorted[sorted.Length / 2] + sorted[(sorted.Length - 1) / 2]) / 2;
    }
}
