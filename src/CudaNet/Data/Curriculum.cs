namespace CudaNet.Data;

/// <summary>
/// Easy items first: each step draws from the easiest share of a data set, which grows with the steps (Bengio et al., "Curriculum learning", 2009). What a step draws is a function of (seed, step).
/// </summary>
public sealed class Curriculum
{
    private readonly int[] _items;
    private readonly Func<long, double> _pacing;
    private readonly ulong _seed;

    /// <summary>An order of a data set's items.</summary>
    /// <param name="difficulty">A number per item, such as another network's loss on it; equal ones keep the set's order.</param>
    /// <param name="pacing">The share, from 0 to 1, of the items that a step draws from, such as <see cref="Pacing.Linear"/>.</param>
    /// <param name="seed">What the draws come from.</param>
    /// <exception cref="ArgumentException">There is no item, or a difficulty is no number.</exception>
    public Curriculum(IReadOnlyList<double> difficulty, Func<long, double> pacing, ulong seed = 0)
    {
        ArgumentNullException.ThrowIfNull(pacing);
        if (difficulty.Count == 0 || difficulty.Any(double.IsNaN))
            throw new ArgumentException("expected a difficulty for each item, none of them NaN", nameof(difficulty));
        _items = [.. Enumerable.Range(0, difficulty.Count).OrderBy(item => difficulty[item])];
        (_pacing, _seed) = (pacing, seed);
    }

    /// <summary>How many items there are.</summary>
    public int Count => _items.Length;

    /// <summary>How many of the easiest items a step draws from, at least <paramref name="needed"/>.</summary>
    /// <exception cref="ArgumentException">The pacing is no number.</exception>
    public int Available(long step, int needed = 1)
    {
        var share = _pacing(step);
        if (double.IsNaN(share))
            throw new ArgumentException($"the pacing of step {step} is NaN; expected a share from 0 to 1");
        return Math.Clamp((int)Math.Ceiling(Math.Clamp(share, 0, 1) * Count), Math.Min(needed, Count), Count);
    }

    /// <summary>Different items for a step.</summary>
    /// <param name="step">From 0.</param>
    /// <param name="items">One for each place; at most <see cref="Count"/>.</param>
    public void Fill(long step, Span<long> items)
    {
        new EpochOrder(Available(step, items.Length), _seed, shuffle: true).Fill(step, 0, items);
        foreach (ref var item in items)
            item = _items[item];
    }
}

/// <summary>How the share of the items that a curriculum draws from grows (Hacohen and Weinshall, "On the power of curriculum learning in training deep networks", 2019).</summary>
public static class Pacing
{
    /// <summary>From a share at the start to all after some steps, evenly.</summary>
    /// <param name="start">The first share, from 0 to 1.</param>
    /// <param name="steps">Steps until all items take part, at least 1.</param>
    public static Func<long, double> Linear(double start, long steps)
    {
        Check(start, steps);
        return step => Math.Min(1, start + (1 - start) * step / steps);
    }

    /// <summary>The share is multiplied by a factor every so many steps.</summary>
    /// <param name="start">The first share, from 0 to 1.</param>
    /// <param name="factor">Above 1.</param>
    /// <param name="steps">Steps per stage, at least 1.</param>
    public static Func<long, double> Exponential(double start, double factor, long steps)
    {
        Check(start, steps);
        if (!(factor > 1))
            throw new ArgumentOutOfRangeException(nameof(factor), factor, "expected a factor above 1");
        return step => Math.Min(1, start * Math.Pow(factor, step / steps));
    }

    /// <summary>A share at the start, and all from a step on.</summary>
    /// <param name="start">The first share, from 0 to 1.</param>
    /// <param name="steps">The first step with all items, at least 1.</param>
    public static Func<long, double> SingleStep(double start, long steps)
    {
        Check(start, steps);
        return step => step < steps ? start : 1;
    }

    private static void Check(double start, long steps)
    {
        if (start is not (>= 0 and <= 1))
            throw new ArgumentOutOfRangeException(nameof(start), start, "expected a share from 0 to 1");
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, 1);
    }
}
