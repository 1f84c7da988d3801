using System.Numerics;
using System.Runtime.CompilerServices;

namespace CudaNet;

/// <summary>exp, tanh and sigmoid on vectors, right for NaN, infinities, overflow and subnormal results.</summary>
internal static class ElementwiseMath
{
    /// <summary>eˣ with a relative error below 1.2e-7 in f32; f64 uses the runtime's polynomial.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Exp<V, T>(V x)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T>
    {
        if (typeof(T) == typeof(double))
            return V.ExpDouble(x);
        // Beyond these bounds the result is 0 or ∞ all the same; a NaN passes.
        var clamped = V.Min(Constant<V, T>(89.5), V.Max(Constant<V, T>(-105), x));
        // Cody and Waite: x = n·ln 2 + r with ln 2 in two parts, of which n times the first is exact. Adding and taking away
        // 1.5·2²³ rounds to a whole number.
        var magic = Constant<V, T>(12582912);
        var n = V.MultiplyAdd(clamped, Constant<V, T>(1.44269504088896341), magic) - magic;
        var r = V.MultiplyAdd(n, Constant<V, T>(-0.693359375), clamped);
        r = V.MultiplyAdd(n, Constant<V, T>(2.12194440054690583e-4), r);
        // The minimax polynomial of Cephes' expf (Moshier) on |r| ≤ ln 2 / 2.
        var p = Constant<V, T>(1.9875691500e-4);
        p = V.MultiplyAdd(p, r, Constant<V, T>(1.3981999507e-3));
        p = V.MultiplyAdd(p, r, Constant<V, T>(8.3334519073e-3));
        p = V.MultiplyAdd(p, r, Constant<V, T>(4.1665795894e-2));
        p = V.MultiplyAdd(p, r, Constant<V, T>(1.6666665459e-1));
        p = V.MultiplyAdd(p, r, Constant<V, T>(5.0000001201e-1));
        p = V.MultiplyAdd(p, r * r, r) + Constant<V, T>(1);
        return V.Scale(p, n);
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
        var size = V.Abs(x);
        var z = x * x;
        var near = V.MultiplyAdd(x * z, typeof(T) == typeof(double) ? NearDouble<V, T>(z) : NearSingle<V, T>(z), x);
        var far = one - Constant<V, T>(2) / (Exp<V, T>(size + size) + one);
        far = V.Select(V.LessThan(x, Constant<V, T>(0)), -far, far);
        var y = V.Select(V.LessThan(size, Constant<V, T>(0.625)), near, far);
        // The sum of the polynomial's two zeros has lost the sign of −0.
        return V.Select(V.Equal(x, Constant<V, T>(0)), x, y);
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
