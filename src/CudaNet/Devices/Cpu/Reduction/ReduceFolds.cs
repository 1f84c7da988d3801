using System.Numerics;

namespace CudaNet;

/// <summary>How two partial results of a reduction become one.</summary>
internal interface IFold<T>
    where T : unmanaged
{
    static abstract T Identity { get; }
    static abstract T Join(T a, T b);
    static abstract Vector<T> Join(Vector<T> a, Vector<T> b);

    /// <summary>Joins the elements of a vector.</summary>
    static abstract T JoinLanes(Vector<T> v);

    /// <summary>Joins the results of whole chunks, in float64.</summary>
    static abstract double JoinChunks(double a, double b);
}

internal readonly struct AddFold<T> : IFold<T>
    where T : unmanaged, INumber<T>
{
    public static T Identity => T.Zero;

    public static T Join(T a, T b) => a + b;

    public static Vector<T> Join(Vector<T> a, Vector<T> b) => a + b;

    public static T JoinLanes(Vector<T> v) => Vector.Sum(v);

    public static double JoinChunks(double a, double b) => a + b;
}

/// <summary>The larger one; NaN wins.</summary>
internal readonly struct MaxFold<T> : IFold<T>
    where T : unmanaged, INumber<T>, IMinMaxValue<T>
{
    public static T Identity =>
        T.IsInfinity(T.CreateSaturating(double.NegativeInfinity))
            ? T.CreateSaturating(double.NegativeInfinity)
            : T.MinValue;

    public static T Join(T a, T b) => a > b || T.IsNaN(a) ? a : b;

    public static Vector<T> Join(Vector<T> a, Vector<T> b) =>
        Vector.ConditionalSelect(Vector.GreaterThan(a, b) | ~Vector.Equals(a, a), a, b);

    public static T JoinLanes(Vector<T> v) => CpuReduce.JoinLanes<T, MaxFold<T>>(v);

    public static double JoinChunks(double a, double b) => Math.Max(a, b);
}

/// <summary>The smaller one; NaN wins.</summary>
internal readonly struct MinFold<T> : IFold<T>
    where T : unmanaged, INumber<T>, IMinMaxValue<T>
{
    public static T Identity =>
        T.IsInfinity(T.CreateSaturating(double.PositiveInfinity))
            ? T.CreateSaturating(double.PositiveInfinity)
            : T.MaxValue;

    public static T Join(T a, T b) => a < b || T.IsNaN(a) ? a : b;

    public static Vector<T> Join(Vector<T> a, Vector<T> b) =>
        Vector.ConditionalSelect(Vector.LessThan(a, b) | ~Vector.Equals(a, a), a, b);

    public static T JoinLanes(Vector<T> v) => CpuReduce.JoinLanes<T, MinFold<T>>(v);

    public static double JoinChunks(double a, double b) => Math.Min(a, b);
}

internal readonly struct MultiplyFold<T> : IFold<T>
    where T : unmanaged, INumber<T>
{
    public static T Identity => T.One;

    public static T Join(T a, T b) => a * b;

    public static Vector<T> Join(Vector<T> a, Vector<T> b) => a * b;

    public static T JoinLanes(Vector<T> v) => CpuReduce.JoinLanes<T, MultiplyFold<T>>(v);

    public static double JoinChunks(double a, double b) => a * b;
}

/// <summary>What is done to elements before they are joined.</summary>
internal interface IMap<T>
    where T : unmanaged
{
    static abstract T Apply(T x);
    static abstract Vector<T> Apply(Vector<T> x);
}

internal readonly struct Same<T> : IMap<T>
    where T : unmanaged
{
    public static T Apply(T x) => x;

    public static Vector<T> Apply(Vector<T> x) => x;
}

internal readonly struct Square<T> : IMap<T>
    where T : unmanaged, INumber<T>
{
    public static T Apply(T x) => x * x;

    public static Vector<T> Apply(Vector<T> x) => x * x;
}

internal readonly struct Size<T> : IMap<T>
    where T : unmanaged, INumber<T>
{
    public static T Apply(T x) => T.Abs(x);

    public static Vector<T> Apply(Vector<T> x) => Vector.Abs(x);
}

/// <summary>1 for every number but 0, NaN as well.</summary>
internal readonly struct NonZero<T> : IMap<T>
    where T : unmanaged, INumber<T>
{
    public static T Apply(T x) => x != T.Zero ? T.One : T.Zero;

    public static Vector<T> Apply(Vector<T> x) =>
        Vector.ConditionalSelect(Vector.Equals(x, Vector<T>.Zero), Vector<T>.Zero, Vector<T>.One);
}
