using System.Globalization;

namespace CudaNet.Verification;

/// <summary>
/// The tolerance rule, per element: |err| ≤ u_out·|ref| + c·√n·u_acc·S, with u the unit roundoff of the output's dtype and of the
/// accumulator, n the number of terms a kernel adds up, S the textbook loop over absolute values and c ≤ 8 declared by the op. Half
/// of each dtype's smallest number is added, since below the normal range rounding is absolute. Where the reference is NaN or
/// infinite the result must be the same; where it comes within its tolerance of the dtype's largest number, infinity is right too.
/// </summary>
internal static class Tolerance
{
    public const double LargestConstant = 8;

    /// <summary>Compares a result with its reference; <paramref name="worst"/> is raised to the largest |err|/tolerance seen.</summary>
    /// <param name="what">The name of the result.</param>
    /// <param name="got">The result.</param>
    /// <param name="reference">What it should be, with magnitudes and terms.</param>
    /// <param name="accumulator">The dtype of the sums.</param>
    /// <param name="constant">The c of the rule.</param>
    /// <param name="before">The old values of a tensor that is updated in place.</param>
    /// <param name="worst">The largest |err|/tolerance.</param>
    /// <param name="roundoff">The unit roundoff of the terms, where it is larger than that of the accumulator.</param>
    /// <returns>What is wrong, or null.</returns>
    public static string? Compare(
        string what,
        double[] got,
        ReferenceTensor reference,
        DType accumulator,
        double constant,
        double[]? before,
        ref double worst,
        double roundoff = 0
    )
    {
        var rule = new Rule(reference.DType, accumulator, constant, reference.Terms, roundoff);
        var bad = new Mismatches(what, reference.Shape);
        for (long i = 0; i < got.Length; i++)
        {
            var expected = reference.Values[i];
            var size = reference.Magnitude.Length == 0 ? 0 : reference.Magnitude[i];
            var allowed = rule.Allowed(expected, size, before is null ? 0 : before[i]);
            var ratio = rule.Ratio(got[i], expected, allowed);
            worst = Math.Max(worst, ratio);
            if (!(ratio <= 1))
                bad.Add(i, got[i], expected, allowed, ratio);
        }
        return bad.ToString();
    }

    /// <summary>Compares with no tolerance: the reference rounded to the dtype, and nothing else.</summary>
    public static string? CompareExactly(string what, double[] got, ReferenceTensor reference)
    {
        var expected = CaseInputs.Round(reference.Values, reference.DType);
        var bad = new Mismatches(what, reference.Shape);
        for (long i = 0; i < got.Length; i++)
            if (!got[i].Equals(expected[i]) && got[i] != expected[i])
                bad.Add(i, got[i], expected[i], 0, double.PositiveInfinity);
        return bad.ToString();
    }

    public static double RootMeanSquare(double[] values)
    {
        double sum = 0;
        foreach (var v in values)
            sum += v * v;
        return Math.Sqrt(sum / Math.Max(values.Length, 1));
    }

    /// <summary>The largest finite number of a floating dtype.</summary>
    public static double Largest(DType dtype) =>
        dtype switch
        {
            DType.Float16 => 65504,
            DType.BFloat16 => (2 - 1.0 / 128) * Math.Pow(2, 127),
            DType.Float32 => float.MaxValue,
            _ => double.MaxValue,
        };

    private static double HalfSmallest(DType dtype) =>
        dtype switch
        {
            DType.Float16 => Math.Pow(2, -25),
            DType.BFloat16 => Math.Pow(2, -134),
            DType.Float32 => Math.Pow(2, -150),
            _ => double.Epsilon,
        };

    /// <summary>The rule for one output.</summary>
    internal readonly struct Rule(DType output, DType accumulator, double constant, double terms, double roundoff = 0)
    {
        private readonly double _relative = output.UnitRoundoff;
        private readonly double _accumulated =
            constant * Math.Sqrt(Math.Max(terms, 1)) * Math.Max(roundoff, accumulator.UnitRoundoff);
        private readonly double _floor = HalfSmallest(output) + constant * HalfSmallest(accumulator);
        private readonly double _largest = Largest(output);

        public double Allowed(double expected, double magnitude, double before)
        {
            // An element that is updated in place has its old value among its terms.
            var size = Math.Max(Math.Abs(expected), Math.Abs(before));
            if (double.IsFinite(magnitude))
                size = Math.Max(size, magnitude);
            return _relative * Math.Abs(expected) + _accumulated * size + _floor;
        }

        public double Ratio(double got, double expected, double allowed)
        {
            if (double.IsNaN(expected))
                return double.IsNaN(got) ? 0 : double.PositiveInfinity;
            if (double.IsNaN(got))
                return double.PositiveInfinity;
            if (double.IsInfinity(got) || double.IsInfinity(expected))
                return
                    got == expected
                    || (double.IsInfinity(got) && got * expected > 0 && Math.Abs(expected) + allowed >= _largest)
                    ? 0
                    : double.PositiveInfinity;
            return Math.Abs(got - expected) / allowed;
        }
    }

    /// <summary>Gathers the elements that differ and tells of the first and the worst.</summary>
    internal sealed class Mismatches(string what, Shape shape)
    {
        private int _count;
        private string _first = "";
        private string _worst = "";
        private double _worstRatio;

        public void Add(long index, double got, double expected, double allowed, double ratio)
        {
            var text = string.Create(
                CultureInfo.InvariantCulture,
                $"{At(index)}: got {got:R}, expected {expected:R} ± {allowed:G3}"
            );
            if (_count++ == 0)
                (_first, _worst, _worstRatio) = (text, text, ratio);
            else if (ratio > _worstRatio)
                (_worst, _worstRatio) = (text, ratio);
        }

        public override string? ToString() =>
            _count == 0 ? null
            : _count == 1 || _worst == _first ? $"{what}: {Count} wrong; {_first}"
            : $"{what}: {Count} wrong; first {_first}; worst {_worst}";

        private string Count => $"{_count} of {shape.NumElements}";

        private string At(long index)
        {
            var at = new long[shape.Rank];
            for (var axis = 0; axis < at.Length; axis++)
                at[axis] = index / shape.ContiguousStrides[axis] % shape[axis];
            return $"[{string.Join(", ", at)}]";
        }
    }
}
