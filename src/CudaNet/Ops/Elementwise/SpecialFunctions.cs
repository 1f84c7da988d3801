namespace CudaNet;

/// <summary>Functions of one number that .NET lacks or computes with cancellation, for the textbook loops: accurate, not fast.</summary>
internal static class SpecialFunctions
{
    private const int Fractions = 200;

    /// <summary>The error function: its power series near zero, elsewhere 1 less the continued fraction of the complement
    /// (Abramowitz and Stegun, 7.1.5 and 7.1.14).</summary>
    public static double Erf(double x)
    {
        var size = Math.Abs(x);
        if (size >= 1)
        {
            double fraction = 0;
            for (var k = Fractions; k > 0; k--)
                fraction = k / 2.0 / (size + fraction);
            var complement = Math.Exp(-size * size) / Math.Sqrt(Math.PI) / (size + fraction);
            return Math.CopySign(double.IsInfinity(size) ? 1 : 1 - complement, x);
        }
        var (power, sum) = (x, x);
        for (var n = 1; Math.Abs(power) > 1e-18 * Math.Abs(sum); n++)
        {
            power *= -x * x / n;
            sum += power / (2 * n + 1);
        }
        return 2 / Math.Sqrt(Math.PI) * sum;
    }

    /// <summary>ln(1 + x); dividing by what 1 + x was rounded to takes the rounding out again (Kahan).</summary>
    public static double Log1P(double x)
    {
        var u = 1 + x;
        return u == 1 || double.IsPositiveInfinity(u) ? x : Math.Log(u) * x / (u - 1);
    }

    /// <summary>eˣ − 1, by the inverse of the same correction (Kahan).</summary>
    public static double ExpM1(double x)
    {
        var u = Math.Exp(x);
        return u == 1 ? x
            : u - 1 == -1 ? -1
            : double.IsPositiveInfinity(u) ? u
            : (u - 1) * x / Math.Log(u);
    }

    /// <summary>The logistic function, accurate in both tails.</summary>
    public static double Sigmoid(double x)
    {
        var e = Math.Exp(-Math.Abs(x));
        return (x < 0 ? e : 1) / (1 + e);
    }

    /// <summary>ln(1 + eˣ) without overflow.</summary>
    public static double Softplus(double x) => Math.Max(x, 0) + Log1P(Math.Exp(-Math.Abs(x)));

    /// <summary>The cumulative distribution function of the standard normal distribution.</summary>
    public static double NormalCdf(double x) => 0.5 * (1 + Erf(x / Math.Sqrt(2)));

    /// <summary>The density of the standard normal distribution.</summary>
    public static double NormalDensity(double x) => Math.Exp(-0.5 * x * x) / Math.Sqrt(2 * Math.PI);
}
