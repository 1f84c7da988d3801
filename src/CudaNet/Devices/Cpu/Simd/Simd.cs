using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace CudaNet;

/// <summary>A vector register of any width, so that a loop over elements is written once. A mask has all bits of a lane set or none.</summary>
internal unsafe interface ISimd<TSelf, T>
    where TSelf : unmanaged, ISimd<TSelf, T>
    where T : unmanaged, INumber<T>
{
    static abstract int Count { get; }
    static abstract TSelf Create(T value);
    static abstract TSelf Load(T* source);
    void Store(T* target);

    static abstract TSelf operator +(TSelf a, TSelf b);

    static abstract TSelf operator -(TSelf a, TSelf b);

    static abstract TSelf operator -(TSelf a);

    static abstract TSelf operator *(TSelf a, TSelf b);

    static abstract TSelf operator /(TSelf a, TSelf b);

    static abstract TSelf operator ~(TSelf a);

    static abstract TSelf operator &(TSelf a, TSelf b);

    static abstract TSelf operator |(TSelf a, TSelf b);

    /// <summary>a·b + c, fused where the machine can.</summary>
    static abstract TSelf MultiplyAdd(TSelf a, TSelf b, TSelf c);
    static abstract TSelf Abs(TSelf a);
    static abstract TSelf Sqrt(TSelf a);

    /// <summary>The smaller; the second where either is NaN.</summary>
    static abstract TSelf Min(TSelf a, TSelf b);

    /// <summary>The larger; the second where either is NaN.</summary>
    static abstract TSelf Max(TSelf a, TSelf b);
    static abstract TSelf Equal(TSelf a, TSelf b);
    static abstract TSelf LessThan(TSelf a, TSelf b);
    static abstract TSelf LessThanOrEqual(TSelf a, TSelf b);
    static abstract TSelf Select(TSelf mask, TSelf a, TSelf b);

    /// <summary>Whether <see cref="Scale"/> is one instruction.</summary>
    static abstract bool ScalesAtOnce { get; }

    /// <summary>a·2ⁿ for whole n in [−300, 300], rounded at most once more when the result is subnormal; f32 only.</summary>
    static abstract TSelf Scale(TSelf a, TSelf n);

    /// <summary>a·2ⁿ where <paramref name="shifted"/> is n + 1.5·2²³ and both a and the result are normal: one addition to the exponent;
    /// f32 only.</summary>
    static abstract TSelf ScaleNormal(TSelf a, TSelf shifted);

    /// <summary>The power of two in a normal number, as a number: e where a = m·2ᵉ and ½ ≤ m &lt; 1; f32 only.</summary>
    static abstract TSelf Exponent(TSelf a);

    /// <summary>The m of a = m·2ᵉ; f32 only.</summary>
    static abstract TSelf Mantissa(TSelf a);

    /// <summary>Whether all lanes of a mask are set.</summary>
    static abstract bool All(TSelf mask);

    /// <summary>The sum of the lanes.</summary>
    static abstract T Sum(TSelf a);

    static abstract TSelf ExpDouble(TSelf a);
    static abstract TSelf Log(TSelf a);
    static abstract TSelf Sin(TSelf a);
    static abstract TSelf Cos(TSelf a);

    /// <summary>Writes one byte, 0 or 1, for each lane of a mask.</summary>
    void StoreMask(byte* target);

    /// <summary>The mask of the bytes, one for each lane, that are not 0.</summary>
    static abstract TSelf LoadMask(byte* source);
}

/// <summary>512 bits, where the machine has them.</summary>
internal readonly unsafe struct Simd512<T>(Vector512<T> value) : ISimd<Simd512<T>, T>
    where T : unmanaged, INumber<T>
{
    private readonly Vector512<T> _v = value;

    public static int Count => Vector512<T>.Count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd512<T> Create(T value) => new(Vector512.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd512<T> Load(T* source) => new(Vector512.Load(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(T* target) => _v.Store(target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd512<T> operator +(Simd512<T> a, Simd512<T> b) => new(a._v + b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd512<T> operator -(Simd512<T> a, Simd512<T> b) => new(a._v - b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd512<T> operator -(Simd512<T> a) => new(-a._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd512<T> operator *(Simd512<T> a, Simd512<T> b) => new(a._v * b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd512<T> operator /(Simd512<T> a, Simd512<T> b) => new(a._v / b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd512<T> operator ~(Simd512<T> a) => new(~a._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd512<T> operator &(Simd512<T> a, Simd512<T> b) => new(a._v & b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd512<T> operator |(Simd512<T> a, Simd512<T> b) => new(a._v | b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd512<T> MultiplyAdd(Simd512<T> a, Simd512<T> b, Simd512<T> c) =>
        typeof(T) == typeof(float)
            ? From(Vector512.MultiplyAddEstimate(a._v.AsSingle(), b._v.AsSingle(), c._v.AsSingle()))
        : typeof(T) == typeof(double)
            ? From(Vector512.MultiplyAddEstimate(a._v.AsDouble(), b._v.AsDouble(), c._v.AsDouble()))
        : new(a._v * b._v + c._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd512<T> Abs(Simd512<T> a) => new(Vector512.Abs(a._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd512<T> Sqrt(Simd512<T> a) => new(Vector512.Sqrt(a._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd512<T> Min(Simd512<T> a, Simd512<T> b) => new(Vector512.MinNative(a._v, b._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd512<T> Max(Simd512<T> a, Simd512<T> b) => new(Vector512.MaxNative(a._v, b._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd512<T> Equal(Simd512<T> a, Simd512<T> b) => new(Vector512.Equals(a._v, b._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd512<T> LessThan(Simd512<T> a, Simd512<T> b) => new(Vector512.LessThan(a._v, b._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd512<T> LessThanOrEqual(Simd512<T> a, Simd512<T> b) => new(Vector512.LessThanOrEqual(a._v, b._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd512<T> Select(Simd512<T> mask, Simd512<T> a, Simd512<T> b) =>
        new(Vector512.ConditionalSelect(mask._v, a._v, b._v));

    public static bool ScalesAtOnce => Avx512F.IsSupported;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd512<T> Scale(Simd512<T> a, Simd512<T> n)
    {
        if (Avx512F.IsSupported)
            return From(Avx512F.Scale(a._v.AsSingle(), n._v.AsSingle()));
        var whole = Vector512.ConvertToInt32Native(n._v.AsSingle());
        var half = whole >> 1;
        return From(a._v.AsSingle() * Power(half) * Power(whole - half));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Power(Vector512<int> n) => ((n + Vector512.Create(127)) << 23).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd512<T> ScaleNormal(Simd512<T> a, Simd512<T> shifted) =>
        new((a._v.AsInt32() + (shifted._v.AsInt32() << 23)).As<int, T>());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd512<T> Exponent(Simd512<T> a) =>
        From(
            Vector512.ConvertToSingle(
                ((a._v.AsInt32() >>> FloatBits.Fraction) & Vector512.Create(FloatBits.ExponentMask))
                    - Vector512.Create(FloatBits.HalfExponent)
            )
        );

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd512<T> Mantissa(Simd512<T> a) =>
        From((a._v.AsInt32() & Vector512.Create(FloatBits.FractionMask)) | Vector512.Create(FloatBits.Half));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool All(Simd512<T> mask) => Vector512.EqualsAll(mask._v.AsInt32(), Vector512<int>.AllBitsSet);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Sum(Simd512<T> a) => Vector512.Sum(a._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd512<T> ExpDouble(Simd512<T> a) => From(Vector512.Exp(a._v.AsDouble()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd512<T> Log(Simd512<T> a) =>
        typeof(T) == typeof(float) ? From(Vector512.Log(a._v.AsSingle())) : From(Vector512.Log(a._v.AsDouble()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd512<T> Sin(Simd512<T> a) =>
        typeof(T) == typeof(float) ? From(Vector512.Sin(a._v.AsSingle())) : From(Vector512.Sin(a._v.AsDouble()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd512<T> Cos(Simd512<T> a) =>
        typeof(T) == typeof(float) ? From(Vector512.Cos(a._v.AsSingle())) : From(Vector512.Cos(a._v.AsDouble()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void StoreMask(byte* target) => Mask.Store(_v.ExtractMostSignificantBits(), Count, target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Simd512<T> LoadMask(byte* source)
    {
        if (sizeof(T) == 1)
            return ~From(Vector512.Equals(Vector512.Load(source), Vector512<byte>.Zero));
        if (sizeof(T) == 2 && Avx512BW.IsSupported)
            return ~From(
                Vector512.Equals(Avx512BW.ConvertToVector512Int16(Vector256.Load(source)), Vector512<short>.Zero)
            );
        if (sizeof(T) == 4 && Avx512F.IsSupported)
            return ~From(
                Vector512.Equals(Avx512F.ConvertToVector512Int32(Vector128.Load(source)), Vector512<int>.Zero)
            );
        if (sizeof(T) == 8 && Avx512F.IsSupported)
        {
            var bytes = Vector128.CreateScalarUnsafe(Unsafe.ReadUnaligned<ulong>(source)).AsByte();
            return ~From(Vector512.Equals(Avx512F.ConvertToVector512Int64(bytes), Vector512<long>.Zero));
        }
        return Mask.Load<Simd512<T>, T>(source);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Simd512<T> From<TOther>(Vector512<TOther> value) => new(value.As<TOther, T>());
}

/// <summary>Whatever <see cref="Vector{T}"/> is here: 128 or 256 bits, or plain arithmetic when vectors are switched off.</summary>
internal readonly unsafe struct SimdAny<T>(Vector<T> value) : ISimd<SimdAny<T>, T>
    where T : unmanaged, INumber<T>
{
    private readonly Vector<T> _v = value;

    public static int Count => Vector<T>.Count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SimdAny<T> Create(T value) => new(new Vector<T>(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SimdAny<T> Load(T* source) => new(Vector.Load(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(T* target) => _v.Store(target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SimdAny<T> operator +(SimdAny<T> a, SimdAny<T> b) => new(a._v + b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SimdAny<T> operator -(SimdAny<T> a, SimdAny<T> b) => new(a._v - b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SimdAny<T> operator -(SimdAny<T> a) => new(-a._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SimdAny<T> operator *(SimdAny<T> a, SimdAny<T> b) => new(a._v * b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SimdAny<T> operator /(SimdAny<T> a, SimdAny<T> b) => new(a._v / b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SimdAny<T> operator ~(SimdAny<T> a) => new(~a._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SimdAny<T> operator &(SimdAny<T> a, SimdAny<T> b) => new(a._v & b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SimdAny<T> operator |(SimdAny<T> a, SimdAny<T> b) => new(a._v | b._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SimdAny<T> MultiplyAdd(SimdAny<T> a, SimdAny<T> b, SimdAny<T> c) =>
        typeof(T) == typeof(float) ? From(Vector.MultiplyAddEstimate(a.Single, b.Single, c.Single))
        : typeof(T) == typeof(double) ? From(Vector.MultiplyAddEstimate(a.Double, b.Double, c.Double))
        : new(a._v * b._v + c._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SimdAny<T> Abs(SimdAny<T> a) => new(Vector.Abs(a._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SimdAny<T> Sqrt(SimdAny<T> a) => new(Vector.SquareRoot(a._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SimdAny<T> Min(SimdAny<T> a, SimdAny<T> b) => new(Vector.MinNative(a._v, b._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SimdAny<T> Max(SimdAny<T> a, SimdAny<T> b) => new(Vector.MaxNative(a._v, b._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SimdAny<T> Equal(SimdAny<T> a, SimdAny<T> b) => new(Vector.Equals(a._v, b._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SimdAny<T> LessThan(SimdAny<T> a, SimdAny<T> b) => new(Vector.LessThan(a._v, b._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SimdAny<T> LessThanOrEqual(SimdAny<T> a, SimdAny<T> b) => new(Vector.LessThanOrEqual(a._v, b._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SimdAny<T> Select(SimdAny<T> mask, SimdAny<T> a, SimdAny<T> b) =>
        new(Vector.ConditionalSelect(mask._v, a._v, b._v));

    public static bool ScalesAtOnce => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SimdAny<T> Scale(SimdAny<T> a, SimdAny<T> n)
    {
        var whole = Vector.ConvertToInt32Native(n.Single);
        var half = whole >> 1;
        return From(a.Single * Power(half) * Power(whole - half));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<float> Power(Vector<int> n) => Vector.AsVectorSingle((n + new Vector<int>(127)) << 23);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SimdAny<T> ScaleNormal(SimdAny<T> a, SimdAny<T> shifted) =>
        new((a._v.As<T, int>() + (shifted._v.As<T, int>() << 23)).As<int, T>());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SimdAny<T> Exponent(SimdAny<T> a) =>
        From(
            Vector.ConvertToSingle(
                ((a._v.As<T, int>() >>> FloatBits.Fraction) & new Vector<int>(FloatBits.ExponentMask))
                    - new Vector<int>(FloatBits.HalfExponent)
            )
        );

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SimdAny<T> Mantissa(SimdAny<T> a) =>
        From((a._v.As<T, int>() & new Vector<int>(FloatBits.FractionMask)) | new Vector<int>(FloatBits.Half));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool All(SimdAny<T> mask) => Vector.EqualsAll(mask._v.As<T, int>(), Vector<int>.AllBitsSet);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Sum(SimdAny<T> a) => Vector.Sum(a._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SimdAny<T> ExpDouble(SimdAny<T> a) => From(Vector.Exp(a.Double));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SimdAny<T> Log(SimdAny<T> a) =>
        typeof(T) == typeof(float) ? From(Vector.Log(a.Single)) : From(Vector.Log(a.Double));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SimdAny<T> Sin(SimdAny<T> a) =>
        typeof(T) == typeof(float) ? From(Vector.Sin(a.Single)) : From(Vector.Sin(a.Double));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SimdAny<T> Cos(SimdAny<T> a) =>
        typeof(T) == typeof(float) ? From(Vector.Cos(a.Single)) : From(Vector.Cos(a.Double));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void StoreMask(byte* target) =>
        Mask.Store(
            Vector<byte>.Count == Vector256<byte>.Count
                ? _v.AsVector256().ExtractMostSignificantBits()
                : _v.AsVector128().ExtractMostSignificantBits(),
            Count,
            target
        );

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SimdAny<T> LoadMask(byte* source)
    {
        if (sizeof(T) == 1)
            return ~From(Vector.Equals(Vector.Load(source), Vector<byte>.Zero));
        if (Avx2.IsSupported && Vector<byte>.Count == Vector256<byte>.Count)
        {
            if (sizeof(T) == 2)
                return ~From(Vector.Equals(Avx2.ConvertToVector256Int16(source).AsVector(), Vector<short>.Zero));
            if (sizeof(T) == 4)
                return ~From(Vector.Equals(Avx2.ConvertToVector256Int32(source).AsVector(), Vector<int>.Zero));
            if (sizeof(T) == 8)
                return ~From(Vector.Equals(Avx2.ConvertToVector256Int64(source).AsVector(), Vector<long>.Zero));
        }
        return Mask.Load<SimdAny<T>, T>(source);
    }

    private Vector<float> Single => Vector.AsVectorSingle(_v);

    private Vector<double> Double => Vector.AsVectorDouble(_v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static SimdAny<T> From<TOther>(Vector<TOther> value) => new(value.As<TOther, T>());
}

/// <summary>Where the parts of an f32 lie.</summary>
internal static class FloatBits
{
    public const int Fraction = 23;
    public const int FractionMask = 0x007fffff;
    public const int ExponentMask = 0xff;
    public const int HalfExponent = 126; // the exponent field of numbers on [½, 1)
    public const int Half = 0x3f000000;
}

/// <summary>Masks on their way from registers into bytes.</summary>
internal static unsafe class Mask
{
    private const ulong LowestBits = 0x0101010101010101;

    /// <summary>One byte, 0 or 1, for each of the lowest <paramref name="count"/> bits, a power of two from 2.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(ulong bits, int count, byte* target)
    {
        if (count == 2)
            Unsafe.WriteUnaligned(target, (ushort)Spread((byte)bits));
        else if (count == 4)
            Unsafe.WriteUnaligned(target, (uint)Spread((byte)bits));
        else
            for (var i = 0; i < count; i += 8)
                Unsafe.WriteUnaligned(target + i, Spread((byte)(bits >> i)));
    }

    /// <summary>The mask of bytes that are not 0, lane by lane: for machines without an instruction that widens bytes.</summary>
    public static V Load<V, T>(byte* source)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T>
    {
        Unsafe.SkipInit(out V lanes);
        for (var i = 0; i < V.Count; i++)
            ((T*)&lanes)[i] = T.CreateTruncating(source[i]);
        return ~V.Equal(lanes, V.Create(T.Zero));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Spread(byte bits)
    {
        if (Bmi2.X64.IsSupported)
            return Bmi2.X64.ParallelBitDeposit(bits, LowestBits);
        // Bit k of the byte is moved to bit 7 of byte k by a mask after copying the byte eight times.
        var picked = (bits * LowestBits) & 0x8040201008040201;
        return ((picked + 0x00406070787C7E7F) >> 7) & LowestBits;
    }
}
