using System.Numerics;
using System.Runtime.CompilerServices;

namespace CudaNet;

/// <summary>
/// Two registers as one. What is computed on it stands in the code twice, in turn, so that one half is computed while the other waits for its
/// last result: a processor looks ahead over some thirty instructions, and one polynomial is longer than that.
/// </summary>
internal readonly unsafe struct SimdPair<V, T>(V low, V high) : ISimd<SimdPair<V, T>, T>
    where V : unmanaged, ISimd<V, T>
    where T : unmanaged, INumber<T>
{
    private readonly V _low = low;
    private readonly V _high = high;

    public static int Count => 2 * V.Count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SimdPair<V, T> Create(T value) => new(V.Create(value), V.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SimdPair<V, T> Load(T* source) => new(V.Load(source), V.Load(source + V.Count));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(T* target)
    {
        _low.Store(target);
        _high.Store(target + V.Count);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SimdPair<V, T> operator +(SimdPair<V, T> a, SimdPair<V, T> b) =>
        new(a._low + b._low, a._high + b._high);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SimdPair<V, T> operator -(SimdPair<V, T> a, SimdPair<V, T> b) =>
        new(a._low - b._low, a._high - b._high);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SimdPair<V, T> operator *(SimdPair<V, T> a, SimdPair<V, T> b) =>
        new(a._low * b._low, a._high * b._high);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SimdPair<V, T> operator /(SimdPair<V, T> a, SimdPair<V, T> b) =>
        new(a._low / b._low, a._high / b._high);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SimdPair<V, T> operator &(SimdPair<V, T> a, SimdPair<V, T> b) =>
        new(a._low & b._low, a._high & b._high);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SimdPair<V, T> operator |(SimdPair<V, T> a, SimdPair<V, T> b) =>
        new(a._low | b._low, a._high | b._high);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SimdPair<V, T> operator -(SimdPair<V, T> a) => new(-a._low, -a._high);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SimdPair<V, T> operator ~(SimdPair<V, T> a) => new(~a._low, ~a._high);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SimdPair<V, T> MultiplyAdd(SimdPair<V, T> a, SimdPair<V, T> b, SimdPair<V, T> c) =>
        new(V.MultiplyAdd(a._low, b._low, c._low), V.MultiplyAdd(a._high, b._high, c._high));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SimdPair<V, T> Abs(SimdPair<V, T> a) => new(V.Abs(a._low), V.Abs(a._high));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SimdPair<V, T> Sqrt(SimdPair<V, T> a) => new(V.Sqrt(a._low), V.Sqrt(a._high));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SimdPair<V, T> Min(SimdPair<V, T> a, SimdPair<V, T> b) =>
        new(V.Min(a._low, b._low), V.Min(a._high, b._high));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SimdPair<V, T> Max(SimdPair<V, T> a, SimdPair<V, T> b) =>
        new(V.Max(a._low, b._low), V.Max(a._high, b._high));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SimdPair<V, T> Equal(SimdPair<V, T> a, SimdPair<V, T> b) =>
        new(V.Equal(a._low, b._low), V.Equal(a._high, b._high));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SimdPair<V, T> LessThan(SimdPair<V, T> a, SimdPair<V, T> b) =>
        new(V.LessThan(a._low, b._low), V.LessThan(a._high, b._high));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SimdPair<V, T> LessThanOrEqual(SimdPair<V, T> a, SimdPair<V, T> b) =>
        new(V.LessThanOrEqual(a._low, b._low), V.LessThanOrEqual(a._high, b._high));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SimdPair<V, T> ExpDouble(SimdPair<V, T> a) => new(V.ExpDouble(a._low), V.ExpDouble(a._high));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SimdPair<V, T> Log(SimdPair<V, T> a) => new(V.Log(a._low), V.Log(a._high));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SimdPair<V, T> Sin(SimdPair<V, T> a) => new(V.Sin(a._low), V.Sin(a._high));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SimdPair<V, T> Cos(SimdPair<V, T> a) => new(V.Cos(a._low), V.Cos(a._high));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SimdPair<V, T> Select(SimdPair<V, T> mask, SimdPair<V, T> a, SimdPair<V, T> b) =>
        new(V.Select(mask._low, a._low, b._low), V.Select(mask._high, a._high, b._high));

    public static bool ScalesAtOnce => V.ScalesAtOnce;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SimdPair<V, T> Scale(SimdPair<V, T> a, SimdPair<V, T> n) =>
        new(V.Scale(a._low, n._low), V.Scale(a._high, n._high));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SimdPair<V, T> ScaleNormal(SimdPair<V, T> a, SimdPair<V, T> shifted) =>
        new(V.ScaleNormal(a._low, shifted._low), V.ScaleNormal(a._high, shifted._high));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SimdPair<V, T> Exponent(SimdPair<V, T> a) => new(V.Exponent(a._low), V.Exponent(a._high));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SimdPair<V, T> Mantissa(SimdPair<V, T> a) => new(V.Mantissa(a._low), V.Mantissa(a._high));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool All(SimdPair<V, T> mask) => V.All(mask._low & mask._high);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Sum(SimdPair<V, T> a) => V.Sum(a._low + a._high);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void StoreMask(byte* target)
    {
        _low.StoreMask(target);
        _high.StoreMask(target + V.Count);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SimdPair<V, T> LoadMask(byte* source) => new(V.LoadMask(source), V.LoadMask(source + V.Count));
}
