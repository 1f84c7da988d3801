using System.Globalization;

namespace CudaNet.Reporting;

/// <summary>One axis of a chart: where values lie on it, from 0 to 1, and which are marked.</summary>
internal sealed class ChartAxis
{
    private const int WantedTicks = 5;

    private readonly double _low;
    private readonly double _high;
    private readonly bool _isLogarithmic;
    private readonly bool _isShare;
    private readonly int _decimals;

    private ChartAxis(double low, double high, bool isLogarithmic, bool isShare, double step)
    {
        (_isLogarithmic, _isShare) = (isLogarithmic, isShare);
        (_low, _high) = isLogarithmic ? (Math.Log10(low), Math.Log10(high)) : (low, high);
        var shown = isShare ? step * 100 : step;
        _decimals = shown > 0 ? Math.Clamp((int)Math.Ceiling(-Math.Log10(shown) - 1e-9), 0, 12) : 0;
    }

    /// <summary>The marked values, rising.</summary>
    public IReadOnlyList<double> Ticks { get; private init; } = [];

    /// <summary>An axis of whole numbers, such as epochs, that begins and ends with the values.</summary>
    public static ChartAxis OfCounts(double low, double high)
    {
        if (low == high)
            return new(low - 0.5, high + 0.5, false, false, 1) { Ticks = [low] };
        var step = Math.Max(1, Step(high - low, 8));
        return new(low, high, false, false, step) { Ticks = Multiples(low, high, step) };
    }

    /// <summary>
    /// An axis for measured values, widened to round numbers. Positive values that span more than a factor of 50 are shown on a
    /// logarithmic one.
    /// </summary>
    public static ChartAxis OfValues(double low, double high, bool isShare)
    {
        if (low > 0 && high / low > 50 && !isShare)
            return Logarithmic(low, high);
        if (low == high)
            (low, high) = low == 0 ? (0, 1) : (low - Math.Abs(low) / 10, high + Math.Abs(high) / 10);
        var step = Step(high - low, WantedTicks);
        var (first, last) = (Math.Floor(low / step + 1e-9) * step, Math.Ceiling(high / step - 1e-9) * step);
        if (isShare)
            last = Math.Min(last, Math.Max(1, high));
        return new(first, last, false, isShare, step) { Ticks = Multiples(first, last, step) };
    }

    /// <summary>0 at the axis's beginning, 1 at its end.</summary>
    public double Place(double value) => ((_isLogarithmic ? Math.Log10(value) : value) - _low) / (_high - _low);

    /// <summary>A marked value with the decimals that tell it from its neighbours.</summary>
    public string Label(double tick)
    {
        if (_isShare)
            return Numbers.Percent(tick, _decimals);
        if (_isLogarithmic || Math.Abs(tick) >= 1e6 || _decimals > 6)
            return tick.ToString(
                Math.Abs(tick) is >= 1e-3 and < 1e6 ? "0.####" : "0.##e0",
                CultureInfo.InvariantCulture
            );
        return tick.ToString($"N{_decimals}", CultureInfo.InvariantCulture);
    }

    private static ChartAxis Logarithmic(double low, double high)
    {
        var (first, last) = ((int)Math.Floor(Math.Log10(low)), (int)Math.Ceiling(Math.Log10(high)));
        // Over few decades 2 and 5 are marked too, and over many only some powers.
        double[] within = last - first <= 3 ? [1, 2, 5] : [1];
        var every = Math.Max(1, (last - first) / 6);
        var ticks =
            from power in Enumerable.Range(first, last - first + 1)
            where (power - first) % every == 0
            from digit in within
            select digit * Math.Pow(10, power);
        var marks = ticks.ToList();
        var (from, to) = (
            marks.Last(tick => tick <= low * (1 + 1e-9)),
            marks.FirstOrDefault(tick => tick >= high * (1 - 1e-9), high)
        );
        return new(from, to, true, false, 0) { Ticks = [.. marks.Where(tick => tick >= from && tick <= to)] };
    }

    /// <summary>1, 2 or 5 times a power of ten, so that about <paramref name="wanted"/> of them make up the span.</summary>
    private static double Step(double span, int wanted)
    {
        var rough = span / wanted;
        var power = Math.Pow(10, Math.Floor(Math.Log10(rough)));
        return (rough / power) switch
        {
            <= 1 => power,
            <= 2 => 2 * power,
            <= 5 => 5 * power,
            _ => 10 * power,
        };
    }

    private static List<double> Multiples(double low, double high, double step)
    {
        var ticks = new List<double>();
        for (var i = (long)Math.Ceiling(low / step - 1e-9); i * step <= high + step * 1e-9; i++)
            ticks.Add(i * step);
        return ticks;
    }
}
