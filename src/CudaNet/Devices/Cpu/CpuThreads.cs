namespace CudaNet;

/// <summary>
/// Splits loops over the machine's cores. The parts depend on the shape of the work only, never on the number of threads, so that
/// results do not either. Workers spin for a moment before they sleep: a training step has many short loops one after the other.
/// </summary>
internal static class CpuThreads
{
    private const long MinimumWork = 32 * 1024; // elements below which waking another core costs more than it gains
    private const int MaximumParts = 64;
    private const int SpinsBeforeSleep = 2000;

    private static readonly Lock Gate = new();
    private static readonly SemaphoreSlim Wake = new(0);
    private static readonly Thread[] Workers = StartWorkers();
    private static volatile Loop? _current;
    private static int _sleeping;

    [ThreadStatic]
    private static bool _inside;

    /// <summary>Whether <see cref="For"/> would run all of it as one part, so that a caller can save itself the delegate.</summary>
    public static bool IsSmall(long count, long cost) => (double)count * Math.Max(cost, 1) < 2 * MinimumWork;

    /// <summary>Runs <paramref name="body"/> over [0, count) in parts; <paramref name="cost"/> is the work of one item, in elements.</summary>
    public static void For(long count, long cost, Action<long, long> body)
    {
        if (count <= 0)
            return;
        var parts = (int)
            Math.Min(
                Math.Min(MaximumParts, count),
                Math.Max(1, (long)((double)count * Math.Max(cost, 1) / MinimumWork))
            );
        if (parts == 1)
        {
            body(0, count);
            return;
        }
        var loop = new Loop(count, parts, body);
        if (Workers.Length == 0 || _inside || !Gate.TryEnter())
        {
            loop.Work();
            loop.Wait();
            return;
        }
        // A loop inside the body runs on this thread alone: the lock would let it in and it would take the workers away.
        _inside = true;
        try
        {
            _current = loop;
            Interlocked.MemoryBarrier();
            var asleep = Volatile.Read(ref _sleeping);
            if (asleep > 0)
                Wake.Release(asleep);
            loop.Work();
            loop.Wait();
            _current = null;
        }
        finally
        {
            _inside = false;
            Gate.Exit();
        }
    }

    private static Thread[] StartWorkers()
    {
        var count = int.TryParse(Environment.GetEnvironmentVariable("CUDANET_CPU_THREADS"), out var n)
            ? n
            : Environment.ProcessorCount;
        var workers = new Thread[Math.Max(0, count - 1)];
        for (var i = 0; i < workers.Length; i++)
        {
            workers[i] = new Thread(RunWorker) { IsBackground = true, Name = $"cudanet cpu {i + 1}" };
            workers[i].Start();
        }
        return workers;
    }

    private static void RunWorker()
    {
        _inside = true;
        Loop? done = null;
        while (true)
        {
            var spins = 0;
            Loop? next;
            while ((next = _current) is null || ReferenceEquals(next, done))
            {
                if (++spins < SpinsBeforeSleep)
                {
                    Thread.SpinWait(20);
                    continue;
                }
                Interlocked.Increment(ref _sleeping);
                // Between the last look and the sleep a loop may have come: whoever sets _current reads _sleeping after it.
                if (_current is null || ReferenceEquals(_current, done))
                    Wake.Wait();
                Interlocked.Decrement(ref _sleeping);
                spins = 0;
            }
            next.Work();
            done = next;
        }
    }

    private sealed class Loop(long count, int parts, Action<long, long> body)
    {
        private int _next;
        private int _finished;
        private Exception? _error;

        public void Work()
        {
            int part;
            while ((part = Interlocked.Increment(ref _next) - 1) < parts)
            {
                try
                {
                    body(count * part / parts, count * (part + 1) / parts);
                }
                catch (Exception e)
                {
                    _error = e;
                }
                Interlocked.Increment(ref _finished);
            }
        }

        public void Wait()
        {
            var spin = new SpinWait();
            while (Volatile.Read(ref _finished) < parts)
                spin.SpinOnce(sleep1Threshold: -1);
            if (_error is not null)
                throw new InvalidOperationException("a part of a parallel loop failed", _error);
        }
    }
}
