using System.Numerics;

namespace CudaNet;

/// <summary>The inner loops of the normalisations, over dense runs.</summary>
internal static unsafe class NormMath
{
    /// <summary>1 / √(squares / n + eps).</summary>
    public static T InverseDeviation<T>(T squares, long n, T eps)
        where T : IFloatingPointIeee754<T> => T.One / T.Sqrt(squares / T.CreateTruncating(n) + eps);

    /// <summary>(x − mean) · rstd · weight + bias, with a weight and a bias for each element, or none.</summary>
    public static void Normalise<V, T>(T* x, T mean, T rstd, T* weight, T* bias, T* y, int n)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T>
    {
        var (m, r, i) = (V.Create(mean), V.Create(rstd), 0);
        for (; i <= n - V.Count; i += V.Count)
        {
            var value = (V.Load(x + i) - m) * r;
            if (weight != null)
                value *= V.Load(weight + i);
            if (bias != null)
                value += V.Load(bias + i);
            value.Store(y + i);
        }
        for (; i < n; i++)
            y[i] = (x[i] - mean) * rstd * (weight == null ? T.One : weight[i]) + (bias == null ? T.Zero : bias[i]);
    }

    /// <summary>(x − mean) · slope + bias, with one mean, slope and bias for all.</summary>
    public static void Affine<V, T>(T* x, T* y, int n, T mean, T slope, T bias)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var (m, s, b, i) = (V.Create(mean), V.Create(slope), V.Create(bias), 0);
        for (; i <= n - V.Count; i += V.Count)
            V.MultiplyAdd(V.Load(x + i) - m, s, b).Store(y + i);
        for (; i < n; i++)
            y[i] = (x[i] - mean) * slope + bias;
    }

    /// <summary>Σ g and Σ g (x − mean).</summary>
    public static void AddSums<V, T>(T* g, T* x, int n, T mean, ref T sum, ref T product)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var m = V.Create(mean);
        var (sums, products, i) = (V.Create(T.Zero), V.Create(T.Zero), 0);
        for (; i <= n - V.Count; i += V.Count)
        {
            var gradient = V.Load(g + i);
            sums += gradient;
            products = V.MultiplyAdd(gradient, V.Load(x + i) - m, products);
        }
        sum += V.Sum(sums);
        product += V.Sum(products);
        for (; i < n; i++)
        {
            sum += g[i];
            product += g[i] * (x[i] - mean);
        }
    }

    /// <summary>slope · g − shift − (x − mean) · tilt.</summary>
    public static void Spread<V, T>(T* g, T* x, T* gx, int n, T mean, T slope, T shift, T tilt)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var (m, s, k, t, i) = (V.Create(mean), V.Create(slope), V.Create(shift), V.Create(tilt), 0);
        for (; i <= n - V.Count; i += V.Count)
            (V.Load(g + i) * s - k - (V.Load(x + i) - m) * t).Store(gx + i);
        for (; i < n; i++)
            gx[i] = g[i] * slope - shift - (x[i] - mean) * tilt;
    }
}
