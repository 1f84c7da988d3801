using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace CudaNet;

/// <summary>Sums, squares and largest elements of dense rows.</summary>
internal static unsafe class RowMath
{
    /// <summary>The largest element; −∞ of none. What a NaN gives is unspecified: callers subtract it from the same row, which shows it.</summary>
    public static T Max<V, T>(T* x, int n)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var (result, i) = (T.NegativeInfinity, 0);
        if (n >= 2 * V.Count)
        {
            var (a, b) = (V.Load(x), V.Load(x + V.Count));
            for (i = 2 * V.Count; i <= n - 2 * V.Count; i += 2 * V.Count)
            {
                a = V.Max(a, V.Load(x + i));
                b = V.Max(b, V.Load(x + i + V.Count));
            }
            var lanes = stackalloc T[V.Count];
            V.Max(a, b).Store(lanes);
            // By halves: one after the other would wait for each comparison.
            for (var half = V.Count / 2; half > 0; half /= 2)
            for (var lane = 0; lane < half; lane++)
                lanes[lane] = Larger(lanes[lane], lanes[lane + half]);
            result = lanes[0];
        }
        for (; i < n; i++)
            result = Larger(result, x[i]);
        return result;
    }

    private static T Larger<T>(T a, T b)
        where T : unmanaged, IFloatingPointIeee754<T> => a > b ? a : b;

    /// <summary>Σ x, with the machine's widest registers.</summary>
    public static T Sum<T>(T* x, int n)
        where T : unmanaged, IFloatingPointIeee754<T> =>
        Vector512.IsHardwareAccelerated ? Sum<Simd512<T>, T>(x, n) : Sum<SimdAny<T>, T>(x, n);

    /// <summary>Σ x.</summary>
    public static T Sum<V, T>(T* x, int n)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T>
    {
        var zero = V.Create(T.Zero);
        var (a, b, c, d, i) = (zero, zero, zero, zero, 0);
        for (; i <= n - 4 * V.Count; i += 4 * V.Count)
        {
            a += V.Load(x + i);
            b += V.Load(x + i + V.Count);
            c += V.Load(x + i + 2 * V.Count);
            d += V.Load(x + i + 3 * V.Count);
        }
        for (; i <= n - V.Count; i += V.Count)
            a += V.Load(x + i);
        var sum = V.Sum((a + b) + (c + d));
        for (; i < n; i++)
            sum += x[i];
        return sum;
    }

    /// <summary>Σ (x − mean)².</summary>
    public static T SumSquares<V, T>(T* x, T mean, int n)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T>
    {
        var (zero, m) = (V.Create(T.Zero), V.Create(mean));
        var (a, b, c, d, i) = (zero, zero, zero, zero, 0);
        for (; i <= n - 4 * V.Count; i += 4 * V.Count)
        {
            var (p, q) = (V.Load(x + i) - m, V.Load(x + i + V.Count) - m);
            var (r, s) = (V.Load(x + i + 2 * V.Count) - m, V.Load(x + i + 3 * V.Count) - m);
            a = V.MultiplyAdd(p, p, a);
            b = V.MultiplyAdd(q, q, b);
            c = V.MultiplyAdd(r, r, c);
            d = V.MultiplyAdd(s, s, d);
        }
        for (; i <= n - V.Count; i += V.Count)
        {
            var p = V.Load(x + i) - m;
            a = V.MultiplyAdd(p, p, a);
        }
        var sum = V.Sum((a + b) + (c + d));
        for (; i < n; i++)
            sum += (x[i] - mean) * (x[i] - mean);
        return sum;
    }

    /// <summary>Σ exp(x − max), with the machine's widest registers.</summary>
    public static T ExpSum<T>(T* x, T max, int n)
        where T : unmanaged, IFloatingPointIeee754<T> =>
        Vector512.IsHardwareAccelerated ? ExpSum<Simd512<T>, T>(x, max, n) : ExpSum<SimdAny<T>, T>(x, max, n);

    /// <summary>Σ exp(x − max).</summary>
    [SkipLocalsInit]
    public static T ExpSum<V, T>(T* x, T max, int n)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var (sums, m, i) = (V.Create(T.Zero), V.Create(max), 0);
        for (; i <= n - V.Count; i += V.Count)
            sums += ElementwiseMath.Exp<V, T>(V.Load(x + i) - m);
        var sum = V.Sum(sums);
        if (i == n)
            return sum;
        V padded;
        var part = ElementBlocks.LoadPart<V, T>(x + i, n - i, &padded);
        ElementwiseMath.Exp<V, T>(part - m).Store((T*)&padded);
        for (var lane = 0; lane < n - i; lane++)
            sum += ((T*)&padded)[lane];
        return sum;
    }

    /// <summary>x ← factor · exp(x − shift).</summary>
    [SkipLocalsInit]
    public static void ExpInPlace<V, T>(T* x, T shift, T factor, int n)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var i = 0;
        var (s, f) = (V.Create(shift), V.Create(factor));
        for (; i <= n - V.Count; i += V.Count)
            (ElementwiseMath.Exp<V, T>(V.Load(x + i) - s) * f).Store(x + i);
        if (i == n)
            return;
        V padded;
        var part = ElementBlocks.LoadPart<V, T>(x + i, n - i, &padded);
        ElementBlocks.StorePart<V, T>(ElementwiseMath.Exp<V, T>(part - s) * f, x + i, n - i, &padded);
    }
}
