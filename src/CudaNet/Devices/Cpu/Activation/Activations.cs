using System.Numerics;
using System.Runtime.CompilerServices;

namespace CudaNet;

/// <summary>An activation function and its derivative, on registers of any width.</summary>
internal interface IActivation
{
    V Value<V, T>(V x)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T>;

    V Slope<V, T>(V x)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T>;
}

/// <summary>Activation functions on the CPU.</summary>
internal static class CpuActivations
{
    public static void Clamp(in OpCall call) => Value(call, Limits(call, bounds: true));

    public static void ClampBackward(in OpCall call) => Slope(call, Limits(call, bounds: true));

    public static void Elu(in OpCall call) => Value(call, new EluFunction(call.Attributes.Float(0), 1));

    public static void EluBackward(in OpCall call) => Slope(call, new EluFunction(call.Attributes.Float(0), 1));

    public static void Hardtanh(in OpCall call) => Value(call, Limits(call, bounds: false));

    public static void HardtanhBackward(in OpCall call) => Slope(call, Limits(call, bounds: false));

    public static void LeakyRelu(in OpCall call) => Value(call, new LeakyReluFunction(call.Attributes.Float(0)));

    public static void LeakyReluBackward(in OpCall call) =>
        Slope(call, new LeakyReluFunction(call.Attributes.Float(0)));

    public static void Mish(in OpCall call) => Value(call, default(MishFunction));

    public static void MishBackward(in OpCall call) => Slope(call, default(MishFunction));

    public static void Selu(in OpCall call) => Value(call, new EluFunction(SeluOp.Alpha, SeluOp.Scale));

    public static void SeluBackward(in OpCall call) => Slope(call, new EluFunction(SeluOp.Alpha, SeluOp.Scale));

    public static void Silu(in OpCall call) => Value(call, default(SiluFunction));

    public static void SiluBackward(in OpCall call) => Slope(call, default(SiluFunction));

    public static void Softplus(in OpCall call) =>
        Value(call, new SoftplusFunction(call.Attributes.Float(0), call.Attributes.Float(1)));

    public static void SoftplusBackward(in OpCall call) =>
        Slope(call, new SoftplusFunction(call.Attributes.Float(0), call.Attributes.Float(1)));

    public static void Gelu(in OpCall call)
    {
        if (call.Attributes.Int(0) == (long)GeluApproximation.Tanh)
            Value(call, default(GeluTanhFunction));
        else
            Value(call, default(GeluFunction));
    }

    public static void GeluBackward(in OpCall call)
    {
        if (call.Attributes.Int(0) == (long)GeluApproximation.Tanh)
            Slope(call, default(GeluTanhFunction));
        else
            Slope(call, default(GeluFunction));
    }

    private static LimitFunction Limits(in OpCall call, bool bounds) =>
        new(call.Attributes.Float(0), call.Attributes.Float(1), bounds);

    private static void Value<TActivation>(in OpCall call, TActivation function)
        where TActivation : struct, IActivation =>
        CpuElementwise.UnaryFloating(call, new ValueOperator<TActivation>(function), CpuElementwise.Polynomial);

    private static void Slope<TActivation>(in OpCall call, TActivation function)
        where TActivation : struct, IActivation =>
        CpuElementwise.BinaryFloating(call, new SlopeOperator<TActivation>(function), CpuElementwise.Polynomial);

    private readonly struct ValueOperator<TActivation>(TActivation function) : IUnaryOperator
        where TActivation : struct, IActivation
    {
        public static bool IsLong => true;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Apply<V, T>(V x)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, INumber<T> => function.Value<V, T>(x);
    }

    private readonly struct SlopeOperator<TActivation>(TActivation function) : IBinaryOperator
        where TActivation : struct, IActivation
    {
        public static bool IsLong => true;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Apply<V, T>(V gradient, V x)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, INumber<T> => gradient * function.Slope<V, T>(x);
    }
}

internal readonly struct LeakyReluFunction(double negativeSlope) : IActivation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Value<V, T>(V x)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T> => x * Slope<V, T>(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Slope<V, T>(V x)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T> =>
        V.Select(
            V.LessThan(ElementwiseMath.Constant<V, T>(0), x),
            ElementwiseMath.Constant<V, T>(1),
            ElementwiseMath.Constant<V, T>(negativeSlope)
        );
}

internal readonly struct EluFunction(double alpha, double scale) : IActivation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Value<V, T>(V x)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T>
    {
        var negative =
            SpecialMath.ExpM1<V, T>(V.Min(ElementwiseMath.Constant<V, T>(0), x))
            * ElementwiseMath.Constant<V, T>(alpha * scale);
        return V.Select(
            V.LessThan(ElementwiseMath.Constant<V, T>(0), x),
            x * ElementwiseMath.Constant<V, T>(scale),
            negative
        );
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Slope<V, T>(V x)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T>
    {
        var negative =
            ElementwiseMath.Exp<V, T>(V.Min(ElementwiseMath.Constant<V, T>(0), x))
            * ElementwiseMath.Constant<V, T>(alpha * scale);
        return V.Select(
            V.LessThan(ElementwiseMath.Constant<V, T>(0), x),
            ElementwiseMath.Constant<V, T>(scale),
            negative
        );
    }
}

internal readonly struct SiluFunction : IActivation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Value<V, T>(V x)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T> => x * ElementwiseMath.Sigmoid<V, T>(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Slope<V, T>(V x)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T>
    {
        // s + x·s·(1 − s) with s and 1 − s from one exponential: neither tail cancels.
        var e = ElementwiseMath.Exp<V, T>(-V.Abs(x));
        var r = ElementwiseMath.Constant<V, T>(1) / (ElementwiseMath.Constant<V, T>(1) + e);
        var s = V.Select(V.LessThan(x, ElementwiseMath.Constant<V, T>(0)), e * r, r);
        return V.MultiplyAdd(x * (e * r), r, s);
    }
}

internal readonly struct MishFunction : IActivation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Value<V, T>(V x)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T>
    {
        // tanh(ln(1 + e)) = n / (n + 2) with n = e² + 2e; above the bound that is 1.
        var e = ElementwiseMath.Exp<V, T>(V.Min(ElementwiseMath.Constant<V, T>(20), x));
        var n = e * (e + ElementwiseMath.Constant<V, T>(2));
        return x * (n / (n + ElementwiseMath.Constant<V, T>(2)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Slope<V, T>(V x)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T>
    {
        // t + x·σ·(1 − t²), where σ = e / (1 + e) and 1 − t² = 4 (1 + e)² / (n + 2)².
        var bounded = V.Min(ElementwiseMath.Constant<V, T>(20), x);
        var e = ElementwiseMath.Exp<V, T>(bounded);
        var n = e * (e + ElementwiseMath.Constant<V, T>(2));
        var d = n + ElementwiseMath.Constant<V, T>(2);
        var r = ElementwiseMath.Constant<V, T>(1) / d;
        return V.MultiplyAdd(
            ElementwiseMath.Constant<V, T>(4) * bounded * (e * r),
            (e + ElementwiseMath.Constant<V, T>(1)) * r,
            n * r
        );
    }
}

internal readonly struct SoftplusFunction(double beta, double threshold) : IActivation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Value<V, T>(V x)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T>
    {
        var z = x * ElementwiseMath.Constant<V, T>(beta);
        var soft = SpecialMath.Softplus<V, T>(z) / ElementwiseMath.Constant<V, T>(beta);
        return V.Select(V.LessThan(ElementwiseMath.Constant<V, T>(threshold), z), x, soft);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Slope<V, T>(V x)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T>
    {
        var z = x * ElementwiseMath.Constant<V, T>(beta);
        return V.Select(
            V.LessThan(ElementwiseMath.Constant<V, T>(threshold), z),
            ElementwiseMath.Constant<V, T>(1),
            ElementwiseMath.Sigmoid<V, T>(z)
        );
    }
}

/// <summary>clamp and hardtanh, which differ in the gradient at the bounds.</summary>
internal readonly struct LimitFunction(double low, double high, bool bounds) : IActivation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Value<V, T>(V x)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T>
    {
        // A NaN fails both comparisons and passes.
        var raised = V.Select(
            V.LessThan(x, ElementwiseMath.Constant<V, T>(low)),
            ElementwiseMath.Constant<V, T>(low),
            x
        );
        return V.Select(
            V.LessThan(ElementwiseMath.Constant<V, T>(high), raised),
            ElementwiseMath.Constant<V, T>(high),
            raised
        );
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Slope<V, T>(V x)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T>
    {
        var (least, most) = (ElementwiseMath.Constant<V, T>(low), ElementwiseMath.Constant<V, T>(high));
        var outside = bounds
            ? V.LessThan(x, least) | V.LessThan(most, x)
            : V.LessThanOrEqual(x, least) | V.LessThanOrEqual(most, x);
        return ~outside & ElementwiseMath.Constant<V, T>(1);
    }
}

internal readonly struct GeluFunction : IActivation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Value<V, T>(V x)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T> => x * SpecialMath.NormalCdf<V, T>(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Slope<V, T>(V x)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T>
    {
        const double InverseRootTwoPi = 0.39894228040143268;
        var density =
            ElementwiseMath.Exp<V, T>(x * x * ElementwiseMath.Constant<V, T>(-0.5))
            * ElementwiseMath.Constant<V, T>(InverseRootTwoPi);
        return V.MultiplyAdd(x, density, SpecialMath.NormalCdf<V, T>(x));
    }
}

/// <summary>½(1 + tanh u) = σ(2u) with u = √(2/π)(x + 0.044715 x³).</summary>
internal readonly struct GeluTanhFunction : IActivation
{
    private const double TwiceInner = 1.59576912160573071;
    private const double Cubic = 0.044715;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Value<V, T>(V x)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T> =>
        x
        * ElementwiseMath.Sigmoid<V, T>(
            x
                * V.MultiplyAdd(
                    x * x,
                    ElementwiseMath.Constant<V, T>(TwiceInner * Cubic),
                    ElementwiseMath.Constant<V, T>(TwiceInner)
                )
        );

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Slope<V, T>(V x)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T>
    {
        var z = x * x;
        var u =
            x
            * V.MultiplyAdd(
                z,
                ElementwiseMath.Constant<V, T>(TwiceInner * Cubic),
                ElementwiseMath.Constant<V, T>(TwiceInner)
            );
        var slope = V.MultiplyAdd(
            z,
            ElementwiseMath.Constant<V, T>(3 * TwiceInner * Cubic),
            ElementwiseMath.Constant<V, T>(TwiceInner)
        );
        var e = ElementwiseMath.Exp<V, T>(-V.Abs(u));
        var r = ElementwiseMath.Constant<V, T>(1) / (ElementwiseMath.Constant<V, T>(1) + e);
        var s = V.Select(V.LessThan(u, ElementwiseMath.Constant<V, T>(0)), e * r, r);
        // Where e has vanished x·slope may be infinite.
        var product = V.Select(
            V.Equal(e, ElementwiseMath.Constant<V, T>(0)),
            ElementwiseMath.Constant<V, T>(0),
            x * slope * (e * r) * r
        );
        return s + product;
    }
}
