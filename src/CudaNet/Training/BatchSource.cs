using System.Collections.Concurrent;

namespace CudaNet.Training;

/// <summary>
/// Batches that are made in two steps: on the host, where several threads may work ahead (<see cref="PrefetchedBatches{THost, TBatch}"/>), and then, by the thread that
/// trains, into tensors of its device.
/// </summary>
/// <typeparam name="THost">A batch on the host, in buffers that are used again.</typeparam>
/// <typeparam name="TBatch">A batch of tensors.</typeparam>
public abstract class BatchSource<THost, TBatch> : IBatches<TBatch>
    where THost : class
    where TBatch : IBatch
{
    private readonly ConcurrentBag<THost> _free = [];

    /// <inheritdoc/>
    public abstract int Count { get; }

    /// <summary>Fills a host batch. A function of its arguments alone; called by several threads at once.</summary>
    /// <param name="epoch">From 0.</param>
    /// <param name="index">From 0 to <see cref="Count"/> − 1.</param>
    /// <param name="host">What <see cref="Allocate"/> made; its old contents are overwritten.</param>
    protected abstract void Prepare(long epoch, int index, THost host);

    /// <summary>Buffers for one batch.</summary>
    protected abstract THost Allocate();

    /// <summary>Tensors with a host batch's contents, on the default device; called by the thread that trains.</summary>
    protected abstract TBatch Upload(THost host);

    /// <inheritdoc/>
    public TBatch Get(long epoch, int index) => Finish(Prepare(epoch, index));

    /// <summary>A batch on the host.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such batch.</exception>
    internal THost Prepare(long epoch, int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(epoch);
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
        var host = _free.TryTake(out var used) ? used : Allocate();
        Prepare(epoch, index, host);
        return host;
    }

    /// <summary>The tensors of a host batch, whose buffers may then serve again.</summary>
    internal TBatch Finish(THost host)
    {
        var batch = Upload(host);
        Recycle(host);
        return batch;
    }

    /// <summary>Takes the buffers of a batch that nobody will use.</summary>
    internal void Recycle(THost host) => _free.Add(host);
}
