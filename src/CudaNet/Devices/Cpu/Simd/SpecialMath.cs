using System.Numerics;
using System.Runtime.CompilerServices;

namespace CudaNet;

/// <summary>The error function, expm1, log1p and rounding on vectors, right for NaN, infinities and signed zeros.</summary>
internal static class SpecialMath
{
    /// <summary>The error function, with a relative error below 3.5e-7 in f32 and 6e-16 in f64.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Erf<V, T>(V x)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T> =>
        typeof(T) == typeof(double) ? ErfDouble<V, T>(x) : V.Min(C<V, T>(1), V.Max(C<V, T>(-1), ErfSingle<V, T>(x)));

    /// <summary>x · P(x²) / Q(x²) on [−3.9, 3.9]; beyond, the result is ±1, or one unit in the last place more. The coefficients are those of Eigen (TensorFlow).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V ErfSingle<V, T>(V x)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T>
    {
        // A NaN passes: Min and Max give the second operand then.
        var near = V.Min(C<V, T>(3.9), V.Max(C<V, T>(-3.9), x));
        var z = near * near;
        var p = V.MultiplyAdd(z, C<V, T>(-2.72614225801306e-10), C<V, T>(2.77068142495902e-8));
        p = V.MultiplyAdd(p, z, C<V, T>(-2.10102402082508e-6));
        p = V.MultiplyAdd(p, z, C<V, T>(-5.69250639462346e-5));
        p = V.MultiplyAdd(p, z, C<V, T>(-7.34990630326855e-4));
        p = V.MultiplyAdd(p, z, C<V, T>(-2.95459980854025e-3));
        p = V.MultiplyAdd(p, z, C<V, T>(-1.60960333262415e-2));
        var q = V.MultiplyAdd(z, C<V, T>(-1.45660718464996e-5), C<V, T>(-2.13374055278905e-4));
        q = V.MultiplyAdd(q, z, C<V, T>(-1.68282697438203e-3));
        q = V.MultiplyAdd(q, z, C<V, T>(-7.37332916720468e-3));
        q = V.MultiplyAdd(q, z, C<V, T>(-1.42647390514189e-2));
        return near * p / q;
    }

    /// <summary>The rational approximations of Cody (1969): of erf up to 0.46875, of e^x² · erfc beyond.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V ErfDouble<V, T>(V x)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T>
    {
        var z = x * x;
        var p = V.MultiplyAdd(z, C<V, T>(1.85777706184603153e-1), C<V, T>(3.16112374387056560));
        p = V.MultiplyAdd(p, z, C<V, T>(1.13864154151050156e2));
        p = V.MultiplyAdd(p, z, C<V, T>(3.77485237685302021e2));
        p = V.MultiplyAdd(p, z, C<V, T>(3.20937758913846947e3));
        var q = z + C<V, T>(2.36012909523441209e1);
        q = V.MultiplyAdd(q, z, C<V, T>(2.44024637934444173e2));
        q = V.MultiplyAdd(q, z, C<V, T>(1.28261652607737228e3));
        q = V.MultiplyAdd(q, z, C<V, T>(2.84423683343917062e3));
        var near = x * p / q;
        // At 6 the complement is lost in the rounding of 1.
        var size = V.Min(C<V, T>(6), V.Abs(x));
        p = V.MultiplyAdd(size, C<V, T>(2.15311535474403846e-8), C<V, T>(5.64188496988670089e-1));
        p = V.MultiplyAdd(p, size, C<V, T>(8.88314979438837594));
        p = V.MultiplyAdd(p, size, C<V, T>(6.61191906371416295e1));
        p = V.MultiplyAdd(p, size, C<V, T>(2.98635138197400131e2));
        p = V.MultiplyAdd(p, size, C<V, T>(8.81952221241769090e2));
        p = V.MultiplyAdd(p, size, C<V, T>(1.71204761263407058e3));
        p = V.MultiplyAdd(p, size, C<V, T>(2.05107837782607147e3));
        p = V.MultiplyAdd(p, size, C<V, T>(1.23033935479799725e3));
        q = size + C<V, T>(1.57449261107098347e1);
        q = V.MultiplyAdd(q, size, C<V, T>(1.17693950891312499e2));
        q = V.MultiplyAdd(q, size, C<V, T>(5.37181101862009858e2));
        q = V.MultiplyAdd(q, size, C<V, T>(1.62138957456669019e3));
        q = V.MultiplyAdd(q, size, C<V, T>(3.29079923573345963e3));
        q = V.MultiplyAdd(q, size, C<V, T>(4.36261909014324716e3));
        q = V.MultiplyAdd(q, size, C<V, T>(3.43936767414372164e3));
        q = V.MultiplyAdd(q, size, C<V, T>(1.23033935480374942e3));
        var far = C<V, T>(1) - V.ExpDouble(-(size * size)) * p / q;
        far = V.Select(V.LessThan(x, C<V, T>(0)), -far, far);
        // Not "below the bound": NaN has to go through the first branch.
        return V.Select(V.LessThan(C<V, T>(0.46875), V.Abs(x)), far, near);
    }

    /// <summary>The distribution function of the standard normal distribution, to the rounding of 1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V NormalCdf<V, T>(V x)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T> =>
        V.MultiplyAdd(
            typeof(T) == typeof(double)
                ? ErfDouble<V, T>(x * C<V, T>(0.70710678118654752))
                : ErfSingle<V, T>(x * C<V, T>(0.70710678118654752)),
            C<V, T>(0.5),
            C<V, T>(0.5)
        );

    /// <summary>eˣ − 1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V ExpM1<V, T>(V x)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T>
    {
        if (typeof(T) == typeof(double))
        {
            // Near zero 2t / (1 − t) with t = tanh(x / 2), which has no cancellation.
            var t = ElementwiseMath.Tanh<V, T>(x * C<V, T>(0.5));
            var near = (t + t) / (C<V, T>(1) - t);
            return V.Select(V.LessThan(V.Abs(x), C<V, T>(1)), near, V.ExpDouble(x) - C<V, T>(1));
        }
        // As ElementwiseMath.Exp, but 2ⁿ − 1 is added to 2ⁿ · (eʳ − 1). Half of all that is computed first, since 2¹²⁸ is no f32.
        var clamped = V.Min(C<V, T>(89.5), V.Max(C<V, T>(-105), x));
        var magic = C<V, T>(12582912);
        var n = V.MultiplyAdd(clamped, C<V, T>(1.44269504088896341), magic) - magic;
        var r = V.MultiplyAdd(n, C<V, T>(-0.693359375), clamped);
        r = V.MultiplyAdd(n, C<V, T>(2.12194440054690583e-4), r);
        var p = C<V, T>(1.9875691500e-4);
        p = V.MultiplyAdd(p, r, C<V, T>(1.3981999507e-3));
        p = V.MultiplyAdd(p, r, C<V, T>(8.3334519073e-3));
        p = V.MultiplyAdd(p, r, C<V, T>(4.1665795894e-2));
        p = V.MultiplyAdd(p, r, C<V, T>(1.6666665459e-1));
        p = V.MultiplyAdd(p, r, C<V, T>(5.0000001201e-1));
        p = V.MultiplyAdd(p, r * r, r);
        var less = n - C<V, T>(1);
        var half = V.Scale(p, less) + (V.Scale(C<V, T>(1), less) - C<V, T>(0.5));
        // −0 has lost its sign.
        return V.Select(V.Equal(x, C<V, T>(0)), x, half + half);
    }

    /// <summary>ln(1 + x): what rounding 1 + x took away comes back as its first-order effect.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Log1P<V, T>(V x)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T>
    {
        var u = C<V, T>(1) + x;
        var y = V.Log(u) + (x - (u - C<V, T>(1))) / u;
        // At −1 and ∞ the correction is NaN, and −0 has lost its sign.
        y = V.Select(V.Equal(u, C<V, T>(0)), C<V, T>(double.NegativeInfinity), y);
        return V.Select(V.Equal(x + x, x), x, y);
    }

    /// <summary>ln(1 + e⁻ˢ) for s ≥ 0: 2 artanh(e / (2 + e)), whose argument is at most ⅓, so that the power series is short.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Log1PExpNegative<V, T>(V s)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T>
    {
        var e = ElementwiseMath.Exp<V, T>(-s);
        var a = e / (C<V, T>(2) + e);
        var z = a * a;
        var series = C<V, T>(1.0 / 15);
        if (typeof(T) == typeof(double))
        {
            series = C<V, T>(1.0 / 33);
            series = V.MultiplyAdd(series, z, C<V, T>(1.0 / 31));
            series = V.MultiplyAdd(series, z, C<V, T>(1.0 / 29));
            series = V.MultiplyAdd(series, z, C<V, T>(1.0 / 27));
            series = V.MultiplyAdd(series, z, C<V, T>(1.0 / 25));
            series = V.MultiplyAdd(series, z, C<V, T>(1.0 / 23));
            series = V.MultiplyAdd(series, z, C<V, T>(1.0 / 21));
            series = V.MultiplyAdd(series, z, C<V, T>(1.0 / 19));
            series = V.MultiplyAdd(series, z, C<V, T>(1.0 / 17));
            series = V.MultiplyAdd(series, z, C<V, T>(1.0 / 15));
        }
        series = V.MultiplyAdd(series, z, C<V, T>(1.0 / 13));
        series = V.MultiplyAdd(series, z, C<V, T>(1.0 / 11));
        series = V.MultiplyAdd(series, z, C<V, T>(1.0 / 9));
        series = V.MultiplyAdd(series, z, C<V, T>(1.0 / 7));
        series = V.MultiplyAdd(series, z, C<V, T>(1.0 / 5));
        series = V.MultiplyAdd(series, z, C<V, T>(1.0 / 3));
        series = V.MultiplyAdd(series, z, C<V, T>(1));
        return a * (series + series);
    }

    /// <summary>ln(1 + eˣ) without overflow.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Softplus<V, T>(V x)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T> => V.Max(C<V, T>(0), x) + Log1PExpNegative<V, T>(V.Abs(x));

    /// <summary>The nearest whole number, of two equally near ones the even one: what adding and taking away 2²³ (2⁵² in f64) does.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Round<V, T>(V x)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T>
    {
        var whole = C<V, T>(typeof(T) == typeof(double) ? 4503599627370496 : 8388608);
        var size = V.Abs(x);
        var rounded = (size + whole) - whole;
        // Larger numbers are whole, and NaN fails the comparison.
        return V.Select(V.LessThan(size, whole), rounded | (x & C<V, T>(-0.0)), x);
    }

    /// <summary>The largest whole number that is not greater.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Floor<V, T>(V x)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T>
    {
        var rounded = Round<V, T>(x);
        return V.Select(V.LessThan(x, rounded), rounded - C<V, T>(1), rounded);
    }

    /// <summary>The number without its fraction.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Trunc<V, T>(V x)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T> => Floor<V, T>(V.Abs(x)) | (x & C<V, T>(-0.0));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V C<V, T>(double value)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T> => ElementwiseMath.Constant<V, T>(value);
}
