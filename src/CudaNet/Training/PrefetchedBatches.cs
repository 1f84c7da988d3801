using System.Runtime.ExceptionServices;

namespace CudaNet.Training;

/// <summary>
/// Lets threads prepare the next batches while the network works on this one. Which batches come, and what is in them, does not depend on how many threads there
/// are or how fast they are: a batch is a function of its place.
/// </summary>
/// <remarks>
/// Made for a trainer, which asks for batches one after the other; when another than the next is asked for, what was prepared is dropped. What a thread throws is
/// thrown by the <see cref="Get"/> of that batch. For one consumer; <see cref="Dispose"/> waits until the threads have ended.
/// </remarks>
public sealed class PrefetchedBatches<THost, TBatch> : IBatches<TBatch>, IDisposable
    where THost : class
    where TBatch : IBatch
{
    private readonly BatchSource<THost, TBatch> _source;
    private readonly int _depth;
    private readonly Thread[] _threads;
    private readonly object _gate = new();

    // Places in the order in which they will be asked for, the first of them next; those before _begun have a thread.
    private readonly List<Slot> _ahead = [];
    private int _begun;
    private bool _isDisposed;

    /// <summary>Starts the threads; they begin to work with the first <see cref="Get"/>.</summary>
    /// <param name="source">What makes the batches.</param>
    /// <param name="workers">Threads, at least 1.</param>
    /// <param name="depth">Batches prepared ahead, at least 1; 0 for two per thread.</param>
    public PrefetchedBatches(BatchSource<THost, TBatch> source, int workers = 2, int depth = 0)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentOutOfRangeException.ThrowIfLessThan(workers, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(depth);
        _source = source;
        _depth = depth == 0 ? 2 * workers : depth;
        _threads = new Thread[workers];
        for (var i = 0; i < workers; i++)
        {
            _threads[i] = new Thread(Work) { IsBackground = true, Name = $"batches {i}" };
            // Preparing is host work: the caller's device, grad mode and frames are not for these threads.
            _threads[i].UnsafeStart();
        }
    }

    /// <inheritdoc/>
    public int Count => _source.Count;

    /// <inheritdoc/>
    /// <exception cref="ObjectDisposedException">The threads have been stopped.</exception>
    public TBatch Get(long epoch, int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(epoch);
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
        Slot wanted;
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            if (_ahead.Count == 0 || _ahead[0].Place != (epoch, index))
                Restart();
            wanted = Extend((epoch, index));
            while (!wanted.IsDone && !_isDisposed)
                Monitor.Wait(_gate);
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            _ahead.RemoveAt(0);
            _begun--;
            Extend(_ahead.Count > 0 ? _ahead[0].Place : Next((epoch, index)));
        }
        wanted.Error?.Throw();
        return _source.Finish(wanted.Host!);
    }

    /// <summary>Stops the threads, each after the batch that it is at, and waits for them.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _isDisposed = true;
            _ahead.Clear();
            Monitor.PulseAll(_gate);
        }
        foreach (var thread in _threads)
            thread.Join();
    }

    /// <summary>Sees to it that the queue is full, from a place on if it is empty, and gives its first slot.</summary>
    private Slot Extend((long Epoch, int Index) first)
    {
        while (_ahead.Count < _depth)
            _ahead.Add(new Slot(_ahead.Count == 0 ? first : Next(_ahead[^1].Place)));
        Monitor.PulseAll(_gate);
        return _ahead[0];
    }

    private void Restart()
    {
        foreach (var slot in _ahead)
        {
            slot.IsDropped = true;
            if (slot.Host is { } host)
                _source.Recycle(host);
        }
        _ahead.Clear();
        _begun = 0;
    }

    private (long Epoch, int Index) Next((long Epoch, int Index) place) =>
        place.Index + 1 < Count ? (place.Epoch, place.Index + 1) : (place.Epoch + 1, 0);

    private void Work()
    {
        while (TakeSlot() is { } slot)
        {
            THost? host = null;
            ExceptionDispatchInfo? error = null;
            try
            {
                host = _source.Prepare(slot.Place.Epoch, slot.Place.Index);
            }
            catch (Exception e)
            {
                error = ExceptionDispatchInfo.Capture(e);
            }
            lock (_gate)
            {
                (slot.Host, slot.Error, slot.IsDone) = (host, error, true);
                if (slot.IsDropped && host is not null)
                    _source.Recycle(host);
                Monitor.PulseAll(_gate);
            }
        }
    }

    /// <summary>The first place that no thread has begun; waits for one. Null when it is over.</summary>
    private Slot? TakeSlot()
    {
        lock (_gate)
        {
            while (_begun >= _ahead.Count && !_isDisposed)
                Monitor.Wait(_gate);
            return _isDisposed ? null : _ahead[_begun++];
        }
    }

    private sealed class Slot((long Epoch, int Index) place)
    {
        public (long Epoch, int Index) Place => place;

        public THost? Host { get; set; }

        public ExceptionDispatchInfo? Error { get; set; }

        public bool IsDone { get; set; }

        public bool IsDropped { get; set; }
    }
}
