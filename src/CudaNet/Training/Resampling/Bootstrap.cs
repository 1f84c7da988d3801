using CudaNet.Random;

namespace CudaNet.Training;

/// <summary>A sample with replacement from a training set, for one member of an ensemble.</summary>
/// <param name="Rows">As many rows as the set has, in the order drawn; some more than once.</param>
/// <param name="OutOfBag">The rows that are not in it, ascending: on them the member can be judged.</param>
public sealed record BootstrapSample(IReadOnlyList<long> Rows, IReadOnlyList<long> OutOfBag);

/// <summary>
/// Bagging (Breiman 1996): each member of an ensemble is trained on a bootstrap sample of its own, a function of seed and member.
/// </summary>
public static class Bootstrap
{
    /// <summary>The sample of one member.</summary>
    /// <param name="count">Rows of the training set; at least 1.</param>
    /// <param name="seed">What the samples of all members are drawn from.</param>
    /// <param name="member">From 0.</param>
    public static BootstrapSample Sample(int count, ulong seed, int member)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(member);
        var random = new PhiloxStream(seed, (ulong)member);
        var (rows, drawn) = (new long[count], new bool[count]);
        for (var i = 0; i < count; i++)
        {
            var row = random.NextInt(count);
            (rows[i], drawn[row]) = (row, true);
        }
        return new(rows, [.. Enumerable.Range(0, count).Where(row => !drawn[row]).Select(row => (long)row)]);
    }
}
