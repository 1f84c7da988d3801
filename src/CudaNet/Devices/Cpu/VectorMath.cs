using System.Numerics;
using System.Runtime.CompilerServices;

namespace CudaNet;

/// <summary>
/// exp and log of whole vectors. .NET's own computes f32 through f64, which is half as wide and several times slower; in f64 it is taken as it is.
/// The relative error is below 9e-8 in f32; NaN, infinities, overflow, underflow and subnormal numbers come out as in the scalar functions.
/// </summary>
internal static class CpuMath
{
    private const float Log2E = 1.44269504088896341f;

    // ln 2 in two pieces: a product of the first with |n| ≤ 150 is exact, so x − n·ln 2 loses nothing even without fused instructions.
    private const float Ln2High = 0.693359375f;
    private const float Ln2Low = -2.12194440e-4f;

    // 1.5·2²³: adding it rounds to an integer and leaves that integer in the low bits.
    private const float Rounder = 12582912f;

    // Beyond these e^x is +∞ and 0 for certain; nearer ones are decided by the last multiplications.
    private const float HighestExponent = 89f;
    private const float LowestExponent = -105f;

    /// <summary>eˣ. The polynomial is that of Cephes (Moshier 1992).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Exp(Vector<float> x)
    {
        var high = new Vector<float>(HighestExponent);
        var low = new Vector<float>(LowestExponent);
        // A comparison with NaN is false, so NaN stays.
        x = Vector.ConditionalSelect(Vector.GreaterThan(x, high), high, x);
        x = Vector.ConditionalSelect(Vector.LessThan(x, low), low, x);
        var rounder = new Vector<float>(Rounder);
        var shifted = Vector.MultiplyAddEstimate(x, new Vector<float>(Log2E), rounder);
        var n = shifted - rounder;
        var r = Vector.MultiplyAddEstimate(n, new Vector<float>(-Ln2High), x);
        r = Vector.MultiplyAddEstimate(n, new Vector<float>(-Ln2Low), r);
        var p = new Vector<float>(1.9875691500e-4f);
        p = Vector.MultiplyAddEstimate(p, r, new Vector<float>(1.3981999507e-3f));
        p = Vector.MultiplyAddEstimate(p, r, new Vector<float>(8.3334519073e-3f));
        p = Vector.MultiplyAddEstimate(p, r, new Vector<float>(4.1665795894e-2f));
        p = Vector.MultiplyAddEstimate(p, r, new Vector<float>(1.6666665459e-1f));
        p = Vector.MultiplyAddEstimate(p, r, new Vector<float>(5.0000001201e-1f));
        p = Vector.MultiplyAddEstimate(p * r, r, r) + Vector<float>.One;
        // 2ⁿ in two factors, because 2¹²⁸ and 2⁻¹⁵⁰ are no normal numbers while the product may be representable.
        var power = shifted.As<float, int>() - rounder.As<float, int>();
        var half = Vector.ShiftRightArithmetic(power, 1);
        return p * PowerOfTwo(half) * PowerOfTwo(power - half);
    }

    /// <summary>eˣ.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<double> Exp(Vector<double> x) => Vector.Exp(x);

    /// <summary>eˣ for float and double.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<T> Exp<T>(Vector<T> x)
        where T : unmanaged =>
        typeof(T) == typeof(float) ? Exp(x.As<T, float>()).As<float, T>() : Exp(x.As<T, double>()).As<double, T>();

    /// <summary>ln x. The polynomial is that of Cephes (Moshier 1992).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Log(Vector<float> x)
    {
        const int exponentBias = 127;
        const float smallestNormal = 1.17549435e-38f;
        const float lift = 8388608f; // 2²³ makes every subnormal number normal
        var one = Vector<float>.One;
        var tiny = Vector.LessThan(x, new Vector<float>(smallestNormal));
        var lifted = Vector.ConditionalSelect(tiny, x * new Vector<float>(lift), x);
        var bits = lifted.As<float, int>();
        var exponent = (Vector.ShiftRightLogical(bits, 23) & new Vector<int>(0xff)) - new Vector<int>(exponentBias - 1);
        var e =
            Vector.ConvertToSingle(exponent)
            - Vector.ConditionalSelect(tiny, new Vector<float>(23f), Vector<float>.Zero);
        // The mantissa on [½, 1), then the interval moved to [√½, √2), around 1 where the series is short.
        var m = ((bits & new Vector<int>(0x007fffff)) | new Vector<int>(0x3f000000)).As<int, float>();
        var small = Vector.LessThan(m, new Vector<float>(0.707106781186547524f));
        e -= Vector.ConditionalSelect(small, one, Vector<float>.Zero);
        var f = m - one + Vector.ConditionalSelect(small, m, Vector<float>.Zero);
        var z = f * f;
        var p = new Vector<float>(7.0376836292e-2f);
        p = Vector.MultiplyAddEstimate(p, f, new Vector<float>(-1.1514610310e-1f));
        p = Vector.MultiplyAddEstimate(p, f, new Vector<float>(1.1676998740e-1f));
        p = Vector.MultiplyAddEstimate(p, f, new Vector<float>(-1.2420140846e-1f));
        p = Vector.MultiplyAddEstimate(p, f, new Vector<float>(1.4249322787e-1f));
        p = Vector.MultiplyAddEstimate(p, f, new Vector<float>(-1.6668057665e-1f));
        p = Vector.MultiplyAddEstimate(p, f, new Vector<float>(2.0000714765e-1f));
        p = Vector.MultiplyAddEstimate(p, f, new Vector<float>(-2.4999993993e-1f));
        p = Vector.MultiplyAddEstimate(p, f, new Vector<float>(3.3333331174e-1f));
        var y = p * f * z;
        y = Vector.MultiplyAddEstimate(e, new Vector<float>(Ln2Low), y);
        y = Vector.MultiplyAddEstimate(z, new Vector<float>(-0.5f), y);
        y = Vector.MultiplyAddEstimate(e, new Vector<float>(Ln2High), f + y);
        var infinity = new Vector<float>(float.PositiveInfinity);
        y = Vector.ConditionalSelect(Vector.Equals(x, infinity), infinity, y);
        y = Vector.ConditionalSelect(Vector.Equals(x, Vector<float>.Zero), -infinity, y);
        // Also true for NaN, which is not ≥ 0.
        return Vector.ConditionalSelect(
            Vector.GreaterThanOrEqual(x, Vector<float>.Zero),
            y,
            new Vector<float>(float.NaN)
        );
    }

    /// <summary>ln x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<double> Log(Vector<double> x) => Vector.Log(x);

    /// <summary>ln x for float and double.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<T> Log<T>(Vector<T> x)
        where T : unmanaged =>
        typeof(T) == typeof(float) ? Log(x.As<T, float>()).As<float, T>() : Log(x.As<T, double>()).As<double, T>();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<float> PowerOfTwo(Vector<int> n) =>
        Vector.ShiftLeft(n + new Vector<int>(127), 23).As<int, float>();
}
