using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace CudaNet;

/// <summary>One width of vector registers as the matrix kernels see it, so that each kernel is written once for all of them.</summary>
internal unsafe interface IGemmVector<T, V>
    where T : unmanaged
    where V : struct
{
    static abstract int Count { get; }

    static abstract V Zero { get; }

    static abstract V Load(T* from);

    static abstract void Store(V value, T* to);

    /// <summary>One element in every lane. It takes an address because a broadcast from memory is one instruction.</summary>
    static abstract V Broadcast(T* from);

    /// <summary>A number in every lane; of one that the JIT knows it makes an operand in memory.</summary>
    static abstract V Create(T value);

    static abstract V Add(V a, V b);

    static abstract V Subtract(V a, V b);

    static abstract V Multiply(V a, V b);

    /// <summary>Writes the lanes of both in turn: a₀, b₀, a₁, b₁, …</summary>
    static abstract void StoreInTurn(V a, V b, T* to);

    /// <summary>a · b + c, rounded once where the machine can.</summary>
    static abstract V MultiplyAdd(V a, V b, V c);

    static abstract T Sum(V value);
}

internal readonly unsafe struct GemmVector512<T> : IGemmVector<T, Vector512<T>>
    where T : unmanaged
{
    public static int Count => Vector512<T>.Count;

    public static Vector512<T> Zero => Vector512<T>.Zero;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Load(T* from) => Vector512.Load(from);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<T> value, T* to) => value.Store(to);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Broadcast(T* from) => Vector512.Create(*from);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Create(T value) => Vector512.Create(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Add(Vector512<T> a, Vector512<T> b) => a + b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Subtract(Vector512<T> a, Vector512<T> b) => a - b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Multiply(Vector512<T> a, Vector512<T> b) => a * b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreInTurn(Vector512<T> a, Vector512<T> b, T* to)
    {
        GemmVector256<T>.StoreInTurn(a.GetLower(), b.GetLower(), to);
        GemmVector256<T>.StoreInTurn(a.GetUpper(), b.GetUpper(), to + Count);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> MultiplyAdd(Vector512<T> a, Vector512<T> b, Vector512<T> c) =>
        typeof(T) == typeof(float)
            ? Vector512.FusedMultiplyAdd(a.AsSingle(), b.AsSingle(), c.AsSingle()).As<float, T>()
            : Vector512.FusedMultiplyAdd(a.AsDouble(), b.AsDouble(), c.AsDouble()).As<double, T>();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Sum(Vector512<T> value) => Vector512.Sum(value);
}

internal readonly unsafe struct GemmVector256<T> : IGemmVector<T, Vector256<T>>
    where T : unmanaged
{
    public static int Count => Vector256<T>.Count;

    public static Vector256<T> Zero => Vector256<T>.Zero;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> Load(T* from) => Vector256.Load(from);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector256<T> value, T* to) => value.Store(to);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> Broadcast(T* from) => Vector256.Create(*from);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> Create(T value) => Vector256.Create(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> Add(Vector256<T> a, Vector256<T> b) => a + b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> Subtract(Vector256<T> a, Vector256<T> b) => a - b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> Multiply(Vector256<T> a, Vector256<T> b) => a * b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreInTurn(Vector256<T> a, Vector256<T> b, T* to)
    {
        if (!Avx.IsSupported)
        {
            InTurn.Store<GemmVector256<T>, Vector256<T>, T>(a, b, to);
            return;
        }
        Vector256<T> low,
            high;
        if (typeof(T) == typeof(float))
        {
            low = Avx.UnpackLow(a.AsSingle(), b.AsSingle()).As<float, T>();
            high = Avx.UnpackHigh(a.AsSingle(), b.AsSingle()).As<float, T>();
        }
        else
        {
            low = Avx.UnpackLow(a.AsDouble(), b.AsDouble()).As<double, T>();
            high = Avx.UnpackHigh(a.AsDouble(), b.AsDouble()).As<double, T>();
        }
        Store(Avx.Permute2x128(low.AsByte(), high.AsByte(), 0x20).As<byte, T>(), to);
        Store(Avx.Permute2x128(low.AsByte(), high.AsByte(), 0x31).As<byte, T>(), to + Count);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> MultiplyAdd(Vector256<T> a, Vector256<T> b, Vector256<T> c) =>
        typeof(T) == typeof(float)
            ? Vector256.FusedMultiplyAdd(a.AsSingle(), b.AsSingle(), c.AsSingle()).As<float, T>()
            : Vector256.FusedMultiplyAdd(a.AsDouble(), b.AsDouble(), c.AsDouble()).As<double, T>();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Sum(Vector256<T> value) => Vector256.Sum(value);
}

/// <summary>Whatever width the runtime offers, without asking for any instruction: for machines that have neither of the others.</summary>
internal readonly unsafe struct GemmVectorPortable<T> : IGemmVector<T, Vector<T>>
    where T : unmanaged
{
    public static int Count => Vector<T>.Count;

    public static Vector<T> Zero => Vector<T>.Zero;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<T> Load(T* from) => Vector.Load(from);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector<T> value, T* to) => value.Store(to);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<T> Broadcast(T* from) => new(*from);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<T> Create(T value) => new(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<T> Add(Vector<T> a, Vector<T> b) => a + b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<T> Subtract(Vector<T> a, Vector<T> b) => a - b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<T> Multiply(Vector<T> a, Vector<T> b) => a * b;

    public static void StoreInTurn(Vector<T> a, Vector<T> b, T* to) =>
        InTurn.Store<GemmVectorPortable<T>, Vector<T>, T>(a, b, to);

    // A product and a sum, not a fused operation, which a machine without it would emulate many times slower.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<T> MultiplyAdd(Vector<T> a, Vector<T> b, Vector<T> c) => a * b + c;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Sum(Vector<T> value) => Vector.Sum(value);
}

/// <summary>Lanes of two registers in turn, for machines without an instruction for it.</summary>
internal static unsafe class InTurn
{
    public static void Store<TSimd, V, T>(V a, V b, T* to)
        where TSimd : struct, IGemmVector<T, V>
        where V : struct
        where T : unmanaged
    {
        var lanes = stackalloc T[2 * TSimd.Count];
        TSimd.Store(a, lanes);
        TSimd.Store(b, lanes + TSimd.Count);
        for (var i = 0; i < TSimd.Count; i++)
            (to[2 * i], to[2 * i + 1]) = (lanes[i], lanes[TSimd.Count + i]);
    }
}
