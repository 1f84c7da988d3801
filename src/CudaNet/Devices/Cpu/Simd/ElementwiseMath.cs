using System.Numerics;
using System.Runtime.CompilerServices;

namespace CudaNet;

/// <summary>exp, log, tanh and sigmoid on vectors, right for NaN, infinities, overflow and subnormal results.</summary>
internal static class ElementwiseMath
{
    // Where |x| is not above it, eˣ is far from overflow and from subnormal numbers.
    private const double ModestExponent = 87;

    /// <summary>eˣ with a relative error below 8e-8 in f32; f64 uses the runtime's polynomial.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Exp<V, T>(V x)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T>
    {
        if (typeof(T) == typeof(double))
            return V.ExpDouble(x);
        if (V.ScalesAtOnce)
            return ExpOfClamped<V, T>(x);
        // Also true for NaN, which is not within anything.
        if (!V.All(V.LessThanOrEqual(V.Abs(x), Constant<V, T>(ModestExponent))))
            return ExpOfAny<V, T>(x);
        return ExpOfModest<V, T>(x);
    }

    /// <summary>eˣ where |x| is at most 87.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V ExpOfModest<V, T>(V x)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T>
    {
        if (typeof(T) == typeof(double))
            return V.ExpDouble(x);
        var p = ExpOfRest<V, T>(x, out var shifted, out _);
        return V.ScaleNormal(p, shifted);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static V ExpOfAny<V, T>(V x)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T> => ExpOfClamped<V, T>(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V ExpOfClamped<V, T>(V x)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T>
    {
        // Beyond these bounds the result is 0 or ∞ all the same; a NaN passes.
        var clamped = V.Min(Constant<V, T>(89.5), V.Max(Constant<V, T>(-105), x));
        var p = ExpOfRest<V, T>(clamped, out _, out var n);
        return V.Scale(p, n);
    }

    // 1.5·2²³: adding it rounds to a whole number and leaves that number in the low bits.
    private const double Rounder = 12582912;

    /// <summary>eʳ where x = n·ln 2 + r and |r| ≤ ln 2 / 2; <paramref name="shifted"/> is n plus the rounder.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V ExpOfRest<V, T>(V x, out V shifted, out V n)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T>
    {
        var rounder = Constant<V, T>(Rounder);
        shifted = V.MultiplyAdd(x, Constant<V, T>(1.44269504088896341), rounder);
        // Cody and Waite: ln 2 in two parts, of which n times the first is exact.
        n = shifted - rounder;
        var r = V.MultiplyAdd(n, Constant<V, T>(-0.693359375), x);
        r = V.MultiplyAdd(n, Constant<V, T>(2.12194440054690583e-4), r);
        // 1 + r + r²·q(r), q of degree 4 with the least relative error on ±ln 2 / 2, 3.1e-9 (Lawson's iteration).
        var p = V.MultiplyAdd(Constant<V, T>(1.3814467238262296e-3), r, Constant<V, T>(8.368780836462975e-3));
        p = V.MultiplyAdd(p, r, Constant<V, T>(4.166839271783829e-2));
        p = V.MultiplyAdd(p, r, Constant<V, T>(0.1666651964187622));
        p = V.MultiplyAdd(p, r, Constant<V, T>(0.4999999403953552));
        p = V.MultiplyAdd(p, r, Constant<V, T>(1));
        return V.MultiplyAdd(p, r, Constant<V, T>(1));
    }

    /// <summary>ln x with a relative error below 9e-8 in f32, by the polynomial of Cephes (Moshier); f64 uses the runtime's.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Log<V, T>(V x)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T>
    {
        const double smallestNormal = 1.17549435e-38;
        const double lift = 8388608; // 2²³ makes every subnormal number normal
        if (typeof(T) == typeof(double))
            return V.Log(x);
        var (zero, one) = (Constant<V, T>(0), Constant<V, T>(1));
        var tiny = V.LessThan(x, Constant<V, T>(smallestNormal));
        var lifted = V.Select(tiny, x * Constant<V, T>(lift), x);
        var e = V.Exponent(lifted) - (tiny & Constant<V, T>(23));
        var m = V.Mantissa(lifted);
        // From [½, 1) to [√½, √2), around 1 where the series is short.
        var small = V.LessThan(m, Constant<V, T>(0.707106781186547524));
        e -= small & one;
        var f = m - one + (small & m);
        var z = f * f;
        var p = V.MultiplyAdd(Constant<V, T>(7.0376836292e-2), f, Constant<V, T>(-1.1514610310e-1));
        p = V.MultiplyAdd(p, f, Constant<V, T>(1.1676998740e-1));
        p = V.MultiplyAdd(p, f, Constant<V, T>(-1.2420140846e-1));
        p = V.MultiplyAdd(p, f, Constant<V, T>(1.4249322787e-1));
        p = V.MultiplyAdd(p, f, Constant<V, T>(-1.6668057665e-1));
        p = V.MultiplyAdd(p, f, Constant<V, T>(2.0000714765e-1));
        p = V.MultiplyAdd(p, f, Constant<V, T>(-2.4999993993e-1));
        p = V.MultiplyAdd(p, f, Constant<V, T>(3.3333331174e-1));
        var y = p * f * z;
        y = V.MultiplyAdd(e, Constant<V, T>(-2.12194440e-4), y);
        y = V.MultiplyAdd(z, Constant<V, T>(-0.5), y);
        y = V.MultiplyAdd(e, Constant<V, T>(0.693359375), f + y);
        var infinity = Constant<V, T>(double.PositiveInfinity);
        y = V.Select(V.Equal(x, infinity), infinity, y);
        y = V.Select(V.Equal(x, zero), -infinity, y);
        // What is not at least 0: negative numbers and NaN.
        return V.Select(V.LessThanOrEqual(zero, x), y, Constant<V, T>(double.NaN));
    }

    /// <summary>1 / (1 + e⁻ˣ), accurate in both tails.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Sigmoid<V, T>(V x)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T>
    {
        var one = Constant<V, T>(1);
        var e = Exp<V, T>(-V.Abs(x));
        return V.Select(V.LessThan(x, Constant<V, T>(0)), e, one) / (one + e);
    }

    /// <summary>The hyperbolic tangent: near zero a polynomial (Cephes, Moshier), elsewhere 1 − 2 / (e²ˣ + 1).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Tanh<V, T>(V x)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T>
    {
        var one = Constant<V, T>(1);
        var sign = x & Constant<V, T>(-0.0);
        // Beyond this bound the result is 1; a NaN passes.
        var size = V.Min(Constant<V, T>(typeof(T) == typeof(double) ? 20 : 10), V.Abs(x));
        var z = size * size;
        var near = V.MultiplyAdd(
            size * z,
            typeof(T) == typeof(double) ? NearDouble<V, T>(z) : NearSingle<V, T>(z),
            size
        );
        var far = one - Constant<V, T>(2) / (ExpOfModest<V, T>(size + size) + one);
        // A NaN is not above the bound, and the polynomial passes it on.
        return V.Select(V.LessThan(Constant<V, T>(0.625), size), far, near) | sign;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V NearSingle<V, T>(V z)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T>
    {
        var p = Constant<V, T>(-5.70498872745e-3);
        p = V.MultiplyAdd(p, z, Constant<V, T>(2.06390887954e-2));
        p = V.MultiplyAdd(p, z, Constant<V, T>(-5.37397155531e-2));
        p = V.MultiplyAdd(p, z, Constant<V, T>(1.33314422036e-1));
        return V.MultiplyAdd(p, z, Constant<V, T>(-3.33332819422e-1));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V NearDouble<V, T>(V z)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T>
    {
        var p = Constant<V, T>(-9.64399179425052238628e-1);
        p = V.MultiplyAdd(p, z, Constant<V, T>(-9.92877231001918586564e1));
        p = V.MultiplyAdd(p, z, Constant<V, T>(-1.61468768441708447952e3));
        var q = z + Constant<V, T>(1.12811678491632931402e2);
        q = V.MultiplyAdd(q, z, Constant<V, T>(2.23548839060100448583e3));
        q = V.MultiplyAdd(q, z, Constant<V, T>(4.84406305325125486048e3));
        return p / q;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Constant<V, T>(double value)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T> => V.Create(T.CreateTruncating(value));
}
