namespace CudaNet.Models;

/// <summary>Into how many linear regions a ReLU network divides its inputs: the most that are possible, and those that one has.</summary>
public static class LinearRegions
{
    /// <summary>
    /// The most regions that <paramref name="units"/> hyperplanes divide a space of <paramref name="inputs"/> dimensions into, Σ_{j ≤ inputs} C(units, j)
    /// (Zaslavsky 1975; UDL, problem 3.18).
    /// </summary>
    /// <exception cref="OverflowException">There are more than 2⁶³ − 1.</exception>
    public static long Maximum(int inputs, int units)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(inputs);
        ArgumentOutOfRangeException.ThrowIfNegative(units);
        long sum = 0;
        long binomial = 1;
        for (var j = 0; j <= Math.Min(inputs, units); j++)
        {
            sum = checked(sum + binomial);
            binomial = checked(binomial * (units - j)) / (j + 1);
        }
        return sum;
    }

    /// <summary>The most regions on a line behind <paramref name="layers"/> layers of <paramref name="units"/> units, (units + 1)^layers (UDL, problem 4.11,
    /// where 7776 is printed for 5 units and 10 layers: that is 6⁵, not 6¹⁰).</summary>
    /// <exception cref="OverflowException">There are more than 2⁶³ − 1.</exception>
    public static long MaximumOnLine(int units, int layers)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(units);
        ArgumentOutOfRangeException.ThrowIfNegative(layers);
        return Enumerable.Range(0, layers).Aggregate(1L, (product, _) => checked(product * (units + 1L)));
    }

    /// <summary>How many different sets of units are active among some points.</summary>
    /// <param name="preActivations">(points, units): what the units' activations get.</param>
    public static int CountPatterns(Tensor preActivations)
    {
        if (preActivations.Rank != 2)
            throw new ShapeException($"LinearRegions: expected (points, units), got {preActivations.Shape}");
        var active = preActivations.Gt(0).Cast(DType.UInt8).ToArray<byte>();
        var units = (int)preActivations.Shape[1];
        return active.Chunk(Math.Max(1, units)).Select(row => string.Join("", row)).Distinct().Count();
    }

    /// <summary>
    /// How many pieces a piecewise linear function of (N, 1) → (N, 1) has on an interval: the changes of its derivative between neighbours of an
    /// even grid, plus 1. Pieces narrower than the grid's step are missed, and neighbouring pieces of one slope are one.
    /// </summary>
    /// <param name="function">The function, written in ops of f64.</param>
    /// <param name="low">Where the interval begins.</param>
    /// <param name="high">Where it ends.</param>
    /// <param name="points">Of the grid, at least 2; they lie in the middle of equal cells, so that few are joints.</param>
    public static int CountOnLine(Func<Tensor, Tensor> function, double low, double high, int points)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(points, 2);
        using var frame = Lifetime.Frame();
        using var record = Autograd.EnableGrad();
        var half = (high - low) / (2 * points);
        var x = Tensor.Linspace(low + half, high - half, points, DType.Float64).Unsqueeze(1).Detach();
        x.RequiresGrad = true;
        var slopes = Autograd.Grad(function(x).Sum(), x).ToDoubles();
        // Slopes are sums and products of the weights, rounded: much closer than this on one piece.
        var tolerance = 1e-9 * slopes.Max(Math.Abs);
        return 1 + slopes.Zip(slopes.Skip(1)).Count(pair => Math.Abs(pair.First - pair.Second) > tolerance);
    }
}
