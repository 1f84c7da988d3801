using System.Numerics;
using System.Runtime.CompilerServices;

namespace CudaNet;

/// <summary>Conversions between dtypes, and strided copies, which move bits and never go through another type.</summary>
internal static unsafe class CpuCast
{
    public static void Run(in OpCall call)
    {
        var (x, y) = (call.Input(0), call.Output(0));
        if (x.DType == y.DType)
        {
            CpuCopy.Run(x, y);
            return;
        }
        switch (x.DType)
        {
            case DType.Float32:
                From<float>(x, y);
                break;
            case DType.Float64:
                From<double>(x, y);
                break;
            case DType.Float16:
                From<Half>(x, y);
                break;
            case DType.BFloat16:
                From<BFloat16>(x, y);
                break;
            case DType.Int64:
                From<long>(x, y);
                break;
            case DType.Int32:
                From<int>(x, y);
                break;
            case DType.UInt8:
                From<byte>(x, y);
                break;
            default:
                From<bool>(x, y);
                break;
        }
    }

    private static void From<TFrom>(Tensor x, Tensor y)
        where TFrom : unmanaged
    {
        switch (y.DType)
        {
            case DType.Float32:
                Run<TFrom, float>(x, y);
                break;
            case DType.Float64:
                Run<TFrom, double>(x, y);
                break;
            case DType.Float16:
                Run<TFrom, Half>(x, y);
                break;
            case DType.BFloat16:
                Run<TFrom, BFloat16>(x, y);
                break;
            case DType.Int64:
                Run<TFrom, long>(x, y);
                break;
            case DType.Int32:
                Run<TFrom, int>(x, y);
                break;
            case DType.UInt8:
                Run<TFrom, byte>(x, y);
                break;
            default:
                Run<TFrom, bool>(x, y);
                break;
        }
    }

    private static void Run<TFrom, TTo>(Tensor x, Tensor y)
        where TFrom : unmanaged
        where TTo : unmanaged
    {
        var walk = new StridedWalk(y.Shape, x);
        StridedWalk.Run(walk, new CastLoop<TFrom, TTo>(x, y, walk.A[walk.Rank - 1]), 2);
    }

    private readonly struct CastLoop<TFrom, TTo>(Tensor x, Tensor y, long step) : IInnerLoop
        where TFrom : unmanaged
        where TTo : unmanaged
    {
        private readonly TFrom* _x = (TFrom*)x.Data;
        private readonly TTo* _y = (TTo*)y.Data;

        public void Run(long at, long a, long b, long c, long count) =>
            ElementBlocks.Gather(_x + a, step, _y + at, count);
    }

    /// <summary>Converts as many elements as fill vectors, between f32 and bf16, and says how many that were.</summary>
    public static long ConvertVectors<TFrom, TTo>(TFrom* source, TTo* target, long count)
        where TFrom : unmanaged
        where TTo : unmanaged
    {
        long i = 0;
        var width = Vector<uint>.Count;
        if (typeof(TFrom) == typeof(float) && typeof(TTo) == typeof(BFloat16))
            for (; i <= count - 2 * width; i += 2 * width)
                Vector
                    .Narrow(RoundToUpperHalf((uint*)source + i), RoundToUpperHalf((uint*)source + i + width))
                    .Store((ushort*)target + i);
        if (typeof(TFrom) == typeof(BFloat16) && typeof(TTo) == typeof(float))
            for (; i <= count - 2 * width; i += 2 * width)
            {
                Vector.Widen(Vector.Load((ushort*)source + i), out var low, out var high);
                (low << 16).Store((uint*)target + i);
                (high << 16).Store((uint*)target + i + width);
            }
        return i;
    }

    /// <summary>The conversion of <see cref="BFloat16"/>: to nearest even, a NaN staying one.</summary>
    private static Vector<uint> RoundToUpperHalf(uint* source)
    {
        var bits = Vector.Load(source);
        var upper = bits >> 16;
        var rounded = (bits + new Vector<uint>(0x7FFF) + (upper & Vector<uint>.One)) >> 16;
        var value = Vector.AsVectorSingle(bits);
        return Vector.ConditionalSelect(
            Vector.AsVectorUInt32(Vector.Equals(value, value)),
            rounded,
            upper | new Vector<uint>(0x40)
        );
    }

    /// <summary>One element: floats round to nearest even, once; floats to integers truncate and saturate, NaN becoming 0; integers
    /// saturate; bool is x ≠ 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TTo Convert<TFrom, TTo>(TFrom value)
        where TFrom : unmanaged
        where TTo : unmanaged
    {
        if (typeof(TFrom) == typeof(TTo))
            return Unsafe.BitCast<TFrom, TTo>(value);
        if (typeof(TFrom) == typeof(float))
            return FromFloating<float, TTo>(Unsafe.BitCast<TFrom, float>(value));
        if (typeof(TFrom) == typeof(double))
            return FromFloating<double, TTo>(Unsafe.BitCast<TFrom, double>(value));
        if (typeof(TFrom) == typeof(Half))
            return FromFloating<float, TTo>((float)Unsafe.BitCast<TFrom, Half>(value));
        if (typeof(TFrom) == typeof(BFloat16))
            return FromFloating<float, TTo>(Unsafe.BitCast<TFrom, BFloat16>(value));
        if (typeof(TFrom) == typeof(long))
            return FromInteger<TTo>(Unsafe.BitCast<TFrom, long>(value));
        if (typeof(TFrom) == typeof(int))
            return FromInteger<TTo>(Unsafe.BitCast<TFrom, int>(value));
        return FromInteger<TTo>(Unsafe.BitCast<TFrom, byte>(value));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TTo FromFloating<T, TTo>(T value)
        where T : unmanaged, IFloatingPointIeee754<T>
        where TTo : unmanaged
    {
        if (typeof(TTo) == typeof(float))
            return Unsafe.BitCast<float, TTo>(float.CreateTruncating(value));
        if (typeof(TTo) == typeof(double))
            return Unsafe.BitCast<double, TTo>(double.CreateTruncating(value));
        if (typeof(TTo) == typeof(Half))
            return Unsafe.BitCast<Half, TTo>(Half.CreateTruncating(value));
        if (typeof(TTo) == typeof(BFloat16))
            return Unsafe.BitCast<BFloat16, TTo>(
                typeof(T) == typeof(double)
                    ? (BFloat16)double.CreateTruncating(value)
                    : (BFloat16)float.CreateTruncating(value)
            );
        if (typeof(TTo) == typeof(long))
            return Unsafe.BitCast<long, TTo>(long.CreateSaturating(value));
        if (typeof(TTo) == typeof(int))
            return Unsafe.BitCast<int, TTo>(int.CreateSaturating(value));
        if (typeof(TTo) == typeof(byte))
            return Unsafe.BitCast<byte, TTo>(byte.CreateSaturating(value));
        return Unsafe.BitCast<bool, TTo>(value != T.Zero);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TTo FromInteger<TTo>(long value)
        where TTo : unmanaged
    {
        if (typeof(TTo) == typeof(float))
            return Unsafe.BitCast<float, TTo>(value);
        if (typeof(TTo) == typeof(double))
            return Unsafe.BitCast<double, TTo>(value);
        if (typeof(TTo) == typeof(Half))
            return Unsafe.BitCast<Half, TTo>((Half)value);
        if (typeof(TTo) == typeof(BFloat16))
            return Unsafe.BitCast<BFloat16, TTo>((BFloat16)(double)value);
        if (typeof(TTo) == typeof(long))
            return Unsafe.BitCast<long, TTo>(value);
        if (typeof(TTo) == typeof(int))
            return Unsafe.BitCast<int, TTo>(int.CreateSaturating(value));
        if (typeof(TTo) == typeof(byte))
            return Unsafe.BitCast<byte, TTo>(byte.CreateSaturating(value));
        return Unsafe.BitCast<bool, TTo>(value != 0);
    }
}
