using System.Diagnostics;

namespace CudaNet;

/// <summary>
/// Splits loops over the machine's cores. The parts depend on the shape of the work only, never on the number of threads, so that
/// results do not either. A training step has many short loops one after the other, so workers spin for a moment, then let others run in
/// between, and sleep after a millisecond. Each thread has a share of the parts, the same in every loop, before it helps others with theirs, and
/// goes through it up and down by turns: what the last loop left in its cache comes first.
/// </summary>
internal static class CpuThreads
{
    private const long MinimumWork = 32 * 1024; // elements below which waking another core costs more than it gains
    private const int MaximumParts = 64;
    private const int SpinsBeforeYield = 1000; // some 30 µs: the pause between two loops of one op
    private static readonly long TicksBeforeSleep = Stopwatch.Frequency / 1000; // the pause between two ops

    private static readonly Lock Gate = new();
    private static readonly Worker[] Workers = StartWorkers();
    private static volatile Loop? _current;
    private static int _count = Workers.Length + 1;

    [ThreadStatic]
    private static bool _inside;

    [ThreadStatic]
    private static bool _downwards;

    /// <summary>The threads that there are, the caller's included: the machine's cores, or CUDANET_CPU_THREADS.</summary>
    public static int Available => Workers.Length + 1;

    /// <summary>The threads that take part in a loop, the caller's included; benchmarks lower it. Results do not depend on it.</summary>
    public static int Count
    {
        get => _count;
        set => _count = Math.Clamp(value, 1, Available);
    }

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
        _downwards = !_downwards;
        var shares = Math.Min(_count, parts);
        if (shares == 1 || _inside || !Gate.TryEnter())
        {
            var alone = new Loop(count, parts, 1, _downwards, body);
            alone.Work(0);
            alone.Wait();
            return;
        }
        var loop = new Loop(count, parts, shares, _downwards, body);
        // A loop inside the body runs on this thread alone: the lock would let it in and it would take the workers away.
        _inside = true;
        try
        {
            _current = loop;
            // A worker says that it sleeps before it looks for a loop once more; the loop is set before the worker is asked.
            Interlocked.MemoryBarrier();
            for (var i = 0; i < shares - 1; i++)
                Workers[i].Wake();
            loop.Work(0);
            loop.Wait();
            _current = null;
        }
        finally
        {
            _inside = false;
            Gate.Exit();
        }
    }

    private static Worker[] StartWorkers()
    {
        var count = int.TryParse(Environment.GetEnvironmentVariable("CUDANET_CPU_THREADS"), out var n)
            ? n
            : Environment.ProcessorCount;
        var workers = new Worker[Math.Max(0, count - 1)];
        for (var i = 0; i < workers.Length; i++)
            workers[i] = new Worker(i);
        return workers;
    }

    private sealed class Worker
    {
        private readonly SemaphoreSlim _wake = new(0);
        private readonly int _index;
        private volatile bool _sleeps;

        public Worker(int index)
        {
            _index = index;
            new Thread(Run) { IsBackground = true, Name = $"cudanet cpu {index + 1}" }.Start();
        }

        public void Wake()
        {
            if (!_sleeps)
                return;
            _sleeps = false;
            _wake.Release();
        }

        private void Run()
        {
            _inside = true;
            Loop? done = null;
            while (true)
            {
                var (spins, start) = (0, 0L);
                Loop? next;
                while (!Concerns(next = _current, done))
                {
                    if (++spins < SpinsBeforeYield)
                        Thread.SpinWait(1);
                    else if (spins == SpinsBeforeYield)
                        start = Stopwatch.GetTimestamp();
                    else if (Stopwatch.GetTimestamp() - start < TicksBeforeSleep)
                        Thread.Yield();
                    else
                        spins = Sleep(done);
                }
                next!.Work(_index + 1);
                done = next;
            }
        }

        private bool Concerns(Loop? loop, Loop? done) =>
            loop is not null && !ReferenceEquals(loop, done) && _index < _count - 1;

        private int Sleep(Loop? done)
        {
            _sleeps = true;
            Interlocked.MemoryBarrier();
            if (!Concerns(_current, done))
                _wake.Wait();
            _sleeps = false;
            return 0;
        }
    }

    private sealed class Loop(long count, int parts, int shares, bool downwards, Action<long, long> body)
    {
        private const int Line = 16; // counters of neighbouring shares lie in cache lines of their own
        private readonly int[] _next = new int[shares * Line];
        private int _finished;
        private Exception? _error;

        public void Work(int thread)
        {
            for (var i = 0; i < shares; i++)
                WorkOn((thread + i) % shares);
        }

        private void WorkOn(int share)
        {
            var (first, last) = ((int)((long)parts * share / shares), (int)((long)parts * (share + 1) / shares));
            int taken;
            while ((taken = Interlocked.Increment(ref _next[share * Line]) - 1) < last - first)
            {
                var part = downwards ? last - 1 - taken : first + taken;
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
