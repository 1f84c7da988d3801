using CudaNet.Random;

namespace CudaNet.Data;

/// <summary>
/// The order in which an epoch sees the items of a data set: a permutation that is a function of (seed, epoch, place) and is kept nowhere, so that any
/// part of it can be asked for at any time, by several threads.
/// </summary>
/// <param name="count">How many items there are.</param>
/// <param name="seed">What the orders are drawn from.</param>
/// <param name="shuffle">Whether each epoch has an order of its own; otherwise items come as they are.</param>
public sealed class EpochOrder(long count, ulong seed, bool shuffle)
{
    /// <summary>How many items there are.</summary>
    public long Count => count;

    /// <summary>The items at places first, first + 1, … of an epoch.</summary>
    /// <param name="epoch">From 0.</param>
    /// <param name="first">The first place.</param>
    /// <param name="items">One for each place.</param>
    /// <exception cref="ArgumentOutOfRangeException">The places leave the epoch.</exception>
    public void Fill(long epoch, long first, Span<long> items)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(first);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(items.Length, count - first);
        if (shuffle)
        {
            SwapOrNot.Map(seed, (ulong)epoch, count, first, items);
            return;
        }
        for (var i = 0; i < items.Length; i++)
            items[i] = first + i;
    }
}
