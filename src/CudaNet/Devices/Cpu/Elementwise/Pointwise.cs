using System.Numerics;
using System.Runtime.CompilerServices;

namespace CudaNet;

/// <summary>More element-wise ops on the CPU: special functions, rounding, choices, remainders and bits.</summary>
internal static class CpuPointwise
{
    public static void Erf(in OpCall call) =>
        CpuElementwise.UnaryFloating(call, default(ErfOperator), CpuElementwise.Polynomial);

    public static void ExpM1(in OpCall call) =>
        CpuElementwise.UnaryFloating(call, default(ExpM1Operator), CpuElementwise.Polynomial);

    public static void Log1P(in OpCall call) =>
        CpuElementwise.UnaryFloating(call, default(Log1POperator), CpuElementwise.Polynomial);

    public static void Reciprocal(in OpCall call) =>
        CpuElementwise.UnaryFloating(call, default(ReciprocalOperator), CpuElementwise.Cheap);

    public static void Ceil(in OpCall call) =>
        CpuElementwise.UnaryFloating(call, default(CeilOperator), CpuElementwise.Cheap);

    public static void Floor(in OpCall call) =>
        CpuElementwise.UnaryFloating(call, default(FloorOperator), CpuElementwise.Cheap);

    public static void Round(in OpCall call) =>
        CpuElementwise.UnaryFloating(call, default(RoundOperator), CpuElementwise.Cheap);

    public static void Trunc(in OpCall call) =>
        CpuElementwise.UnaryFloating(call, default(TruncOperator), CpuElementwise.Cheap);

    public static void Rect(in OpCall call) =>
        CpuElementwise.UnaryFloating(call, default(RectOperator), CpuElementwise.Cheap);

    public static void Square(in OpCall call) =>
        CpuElementwise.Unary(call, default(SquareOperator), CpuElementwise.Cheap);

    public static void Sign(in OpCall call) => CpuElementwise.Unary(call, default(SignOperator), CpuElementwise.Cheap);

    public static void BitwiseNot(in OpCall call)
    {
        if (call.Input(0).DType == DType.Bool)
            CpuElementwise.Unary<byte, byte, LogicalNotOperator>(call, default, CpuElementwise.Cheap);
        else
            CpuElementwise.Unary(call, default(BitwiseNotOperator), CpuElementwise.Cheap);
    }

    public static void Maximum(in OpCall call) => Choose(call, default(MaximumOperator), default(LogicalOrOperator));

    public static void Minimum(in OpCall call) => Choose(call, default(MinimumOperator), default(LogicalAndOperator));

    public static void BitwiseAnd(in OpCall call) =>
        Choose(call, default(BitwiseAndOperator), default(LogicalAndOperator));

    public static void BitwiseOr(in OpCall call) =>
        Choose(call, default(BitwiseOrOperator), default(LogicalOrOperator));

    public static void BitwiseXor(in OpCall call) =>
        Choose(call, default(BitwiseXorOperator), default(LogicalXorOperator));

    public static void LogicalAnd(in OpCall call) => CpuElementwise.Compare(call, default(LogicalAndOperator));

    public static void LogicalOr(in OpCall call) => CpuElementwise.Compare(call, default(LogicalOrOperator));

    public static void LogicalXor(in OpCall call) => CpuElementwise.Compare(call, default(LogicalXorOperator));

    public static void FMod(in OpCall call) =>
        CpuElementwise.Binary(call, default(LanesOperator<FModFunction>), CpuElementwise.Scalar);

    public static void Remainder(in OpCall call) =>
        CpuElementwise.Binary(call, default(LanesOperator<RemainderFunction>), CpuElementwise.Scalar);

    public static void FloorDivide(in OpCall call) =>
        CpuElementwise.Binary(call, default(LanesOperator<FloorDivideFunction>), CpuElementwise.Scalar);

    public static void Heaviside(in OpCall call) =>
        CpuElementwise.BinaryFloating(call, default(HeavisideOperator), CpuElementwise.Cheap);

    public static void PRelu(in OpCall call) =>
        CpuElementwise.BinaryFloating(call, default(PReluOperator), CpuElementwise.Cheap);

    public static void Swish(in OpCall call) =>
        CpuElementwise.BinaryFloating(call, default(SwishOperator), CpuElementwise.Polynomial);

    /// <summary>bool has an operator of its own, because the loops expect a mask where the output is bool.</summary>
    private static void Choose<TNumbers, TBools>(in OpCall call, TNumbers numbers, TBools bools)
        where TNumbers : struct, IBinaryOperator
        where TBools : struct, IBinaryOperator
    {
        if (call.Input(0).DType == DType.Bool)
            CpuElementwise.Compare(call, bools);
        else
            CpuElementwise.Binary(call, numbers, CpuElementwise.Cheap);
    }
}

internal readonly struct ErfOperator : IUnaryOperator
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V, T>(V x)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T> => SpecialMath.Erf<V, T>(x);
}

internal readonly struct ExpM1Operator : IUnaryOperator
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V, T>(V x)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T> => SpecialMath.ExpM1<V, T>(x);
}

internal readonly struct Log1POperator : IUnaryOperator
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V, T>(V x)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T> => SpecialMath.Log1P<V, T>(x);
}

internal readonly struct FloorOperator : IUnaryOperator
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V, T>(V x)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T> => SpecialMath.Floor<V, T>(x);
}

internal readonly struct RoundOperator : IUnaryOperator
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V, T>(V x)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T> => SpecialMath.Round<V, T>(x);
}

internal readonly struct TruncOperator : IUnaryOperator
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V, T>(V x)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T> => SpecialMath.Trunc<V, T>(x);
}

internal readonly struct CeilOperator : IUnaryOperator
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V, T>(V x)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T> => -SpecialMath.Floor<V, T>(-x);
}

internal readonly struct RectOperator : IUnaryOperator
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V, T>(V x)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T> =>
        V.LessThanOrEqual(V.Create(T.Zero), x) & V.LessThanOrEqual(x, V.Create(T.One)) & V.Create(T.One);
}

internal readonly struct SignOperator : IUnaryOperator
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V, T>(V x)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T>
    {
        var zero = V.Create(T.Zero);
        var one = V.Create(T.One);
        // For unsigned numbers nothing is below zero, and −1 is never chosen.
        return V.Select(V.LessThan(zero, x), one, V.LessThan(x, zero) & -one);
    }
}

internal readonly struct BitwiseNotOperator : IUnaryOperator
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V, T>(V x)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T> => ~x;
}

internal readonly struct LogicalNotOperator : IUnaryOperator
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V, T>(V x)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T> => V.Create(T.One) - x;
}

internal readonly struct MaximumOperator : IBinaryOperator
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V, T>(V a, V b)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T>
    {
        var larger = V.Select(V.LessThan(a, b), b, a);
        return V.Select(V.Equal(b, b), larger, b);
    }
}

internal readonly struct MinimumOperator : IBinaryOperator
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V, T>(V a, V b)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T>
    {
        var smaller = V.Select(V.LessThan(b, a), b, a);
        return V.Select(V.Equal(b, b), smaller, b);
    }
}

internal readonly struct BitwiseAndOperator : IBinaryOperator
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V, T>(V a, V b)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T> => a & b;
}

internal readonly struct BitwiseOrOperator : IBinaryOperator
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V, T>(V a, V b)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T> => a | b;
}

internal readonly struct BitwiseXorOperator : IBinaryOperator
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V, T>(V a, V b)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T> => (a | b) & ~(a & b);
}

internal readonly struct LogicalAndOperator : IBinaryOperator
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V, T>(V a, V b)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T> => ~(V.Equal(a, V.Create(T.Zero)) | V.Equal(b, V.Create(T.Zero)));
}

internal readonly struct LogicalOrOperator : IBinaryOperator
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V, T>(V a, V b)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T> => ~(V.Equal(a, V.Create(T.Zero)) & V.Equal(b, V.Create(T.Zero)));
}

internal readonly struct LogicalXorOperator : IBinaryOperator
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V, T>(V a, V b)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T>
    {
        var (left, right) = (V.Equal(a, V.Create(T.Zero)), V.Equal(b, V.Create(T.Zero)));
        return (left | right) & ~(left & right);
    }
}

internal readonly struct HeavisideOperator : IBinaryOperator
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V, T>(V a, V b)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T>
    {
        var zero = V.Create(T.Zero);
        return V.Select(V.Equal(a, zero), b, V.LessThan(zero, a) & V.Create(T.One));
    }
}

internal readonly struct PReluOperator : IBinaryOperator
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V, T>(V a, V b)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T> => V.Select(V.LessThan(V.Create(T.Zero), a), a, a * b);
}

internal readonly struct SwishOperator : IBinaryOperator
{
    public static bool IsLong => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V, T>(V a, V b)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T> => a * ElementwiseMath.Sigmoid<V, T>(a * b);
}

/// <summary>A function of two numbers that no vector instruction computes.</summary>
internal interface IBinaryFunction
{
    static abstract T Of<T>(T a, T b)
        where T : unmanaged, INumber<T>;
}

/// <summary>A function of numbers, applied lane by lane.</summary>
internal readonly unsafe struct LanesOperator<TFunction> : IBinaryOperator
    where TFunction : struct, IBinaryFunction
{
    public V Apply<V, T>(V a, V b)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T>
    {
        var x = (T*)&a;
        var y = (T*)&b;
        for (var i = 0; i < V.Count; i++)
            x[i] = TFunction.Of(x[i], y[i]);
        return a;
    }
}

internal readonly struct FModFunction : IBinaryFunction
{
    // By −1 the remainder is 0, but the division that gives it overflows for the lowest integer.
    public static T Of<T>(T a, T b)
        where T : unmanaged, INumber<T> => Whole.Is<T>() && (b == T.Zero || IsMinusOne(b)) ? T.Zero : a % b;

    public static bool IsMinusOne<T>(T b)
        where T : unmanaged, INumber<T> => T.IsNegative(b) && b == -T.One;
}

internal readonly struct RemainderFunction : IBinaryFunction
{
    public static T Of<T>(T a, T b)
        where T : unmanaged, INumber<T>
    {
        var rest = FModFunction.Of(a, b);
        return rest != T.Zero && rest < T.Zero != b < T.Zero ? rest + b : rest;
    }
}

internal readonly struct FloorDivideFunction : IBinaryFunction
{
    public static T Of<T>(T a, T b)
        where T : unmanaged, INumber<T>
    {
        if (Whole.Is<T>())
        {
            if (b == T.Zero || FModFunction.IsMinusOne(b))
                return b == T.Zero ? T.Zero : -a;
            var rest = a % b;
            return rest != T.Zero && rest < T.Zero != b < T.Zero ? a / b - T.One : a / b;
        }
        if (b == T.Zero)
            return a / b;
        // Through the remainder, which is exact: a / b may have been rounded up to the next whole number.
        return Whole.Round((a - RemainderFunction.Of(a, b)) / b);
    }
}

/// <summary>Whole numbers among the types of elements.</summary>
internal static class Whole
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Is<T>() => typeof(T) != typeof(float) && typeof(T) != typeof(double);

    public static T Round<T>(T x)
        where T : unmanaged, INumber<T> =>
        typeof(T) == typeof(float)
            ? Unsafe.BitCast<float, T>(MathF.Round(Unsafe.BitCast<T, float>(x)))
            : Unsafe.BitCast<double, T>(Math.Round(Unsafe.BitCast<T, double>(x)));
}
