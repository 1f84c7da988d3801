using System.Numerics;
using System.Runtime.CompilerServices;

namespace CudaNet;

/// <summary>What an element-wise op of one operand computes, on registers of any width.</summary>
internal interface IUnaryOperator
{
    /// <inheritdoc cref="IBinaryOperator.IsLong"/>
    static virtual bool IsLong => false;

    V Apply<V, T>(V x)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T>;
}

/// <summary>What an element-wise op of two operands computes; a comparison gives a mask.</summary>
internal interface IBinaryOperator
{
    /// <summary>Whether it is so long that the compiler inlines it once in a loop, but not several times.</summary>
    static virtual bool IsLong => false;

    V Apply<V, T>(V a, V b)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T>;
}

internal readonly struct NegOperator : IUnaryOperator
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V, T>(V x)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T> => -x;
}

internal readonly struct ExpOperator : IUnaryOperator
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V, T>(V x)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T> => ElementwiseMath.Exp<V, T>(x);
}

internal readonly struct LogOperator : IUnaryOperator
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V, T>(V x)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T> => ElementwiseMath.Log<V, T>(x);
}

internal readonly struct SqrtOperator : IUnaryOperator
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V, T>(V x)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T> => V.Sqrt(x);
}

internal readonly struct TanhOperator : IUnaryOperator
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V, T>(V x)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T> => ElementwiseMath.Tanh<V, T>(x);
}

internal readonly struct SigmoidOperator : IUnaryOperator
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V, T>(V x)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T> => ElementwiseMath.Sigmoid<V, T>(x);
}

internal readonly struct ReluOperator : IUnaryOperator
{
    // A NaN fails the comparison and passes.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V, T>(V x)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T> => V.Select(V.LessThan(x, V.Create(T.Zero)), V.Create(T.Zero), x);
}

internal readonly struct AbsOperator : IUnaryOperator
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V, T>(V x)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T> => V.Abs(x);
}

internal readonly struct SinOperator : IUnaryOperator
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V, T>(V x)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T> => V.Sin(x);
}

internal readonly struct CosOperator : IUnaryOperator
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V, T>(V x)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T> => V.Cos(x);
}

internal readonly struct SquareOperator : IUnaryOperator
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V, T>(V x)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T> => x * x;
}

internal readonly struct ReciprocalOperator : IUnaryOperator
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V, T>(V x)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T> => V.Create(T.One) / x;
}

internal readonly struct AffineOperator(double scale, double shift) : IUnaryOperator
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V, T>(V x)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T> =>
        V.MultiplyAdd(x, V.Create(T.CreateTruncating(scale)), V.Create(T.CreateTruncating(shift)));
}

internal readonly struct AddOperator : IBinaryOperator
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V, T>(V a, V b)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T> => a + b;
}

internal readonly struct SubOperator : IBinaryOperator
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V, T>(V a, V b)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T> => a - b;
}

internal readonly struct MulOperator : IBinaryOperator
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V, T>(V a, V b)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T> => a * b;
}

internal readonly struct DivOperator : IBinaryOperator
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V, T>(V a, V b)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T> => a / b;
}

internal readonly struct EqOperator : IBinaryOperator
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V, T>(V a, V b)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T> => V.Equal(a, b);
}

internal readonly struct NeOperator : IBinaryOperator
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V, T>(V a, V b)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T> => ~V.Equal(a, b);
}

internal readonly struct LtOperator : IBinaryOperator
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V, T>(V a, V b)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T> => V.LessThan(a, b);
}

internal readonly struct LeOperator : IBinaryOperator
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V, T>(V a, V b)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T> => V.LessThanOrEqual(a, b);
}

internal readonly struct GtOperator : IBinaryOperator
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V, T>(V a, V b)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T> => V.LessThan(b, a);
}

internal readonly struct GeOperator : IBinaryOperator
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Apply<V, T>(V a, V b)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T> => V.LessThanOrEqual(b, a);
}

internal readonly unsafe struct PowOperator : IBinaryOperator
{
    private const int WidestVector = 64;

    public V Apply<V, T>(V a, V b)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T>
    {
        var x = stackalloc T[WidestVector];
        var y = stackalloc T[WidestVector];
        a.Store(x);
        b.Store(y);
        for (var i = 0; i < V.Count; i++)
            x[i] = T.CreateTruncating(Math.Pow(double.CreateTruncating(x[i]), double.CreateTruncating(y[i])));
        return V.Load(x);
    }
}
