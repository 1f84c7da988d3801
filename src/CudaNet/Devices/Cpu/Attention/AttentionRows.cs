using System.Numerics;
using System.Runtime.Intrinsics;

namespace CudaNet;

/// <summary>What is done to rows of scores. Those rows have room up to whole registers, which may be written; other rows end where they
/// end.</summary>
internal static unsafe class AttentionRows<V, T>
    where V : unmanaged, ISimd<V, T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>The largest element; −∞ of none. What a NaN gives is unspecified: it shows when the result is subtracted.</summary>
    public static T Largest(T* row, int count)
    {
        Pad(row, count);
        var most = V.Create(T.NegativeInfinity);
        for (var j = 0; j < count; j += V.Count)
            most = V.Max(V.Load(row + j), most);
        var lanes = (T*)&most;
        var best = Vector128.Load(lanes);
        for (var j = Vector128<T>.Count; j < V.Count; j += Vector128<T>.Count)
            best = Vector128.MaxNative(best, Vector128.Load(lanes + j));
        var result = best[0];
        for (var j = 1; j < Vector128<T>.Count; j++)
            result = best[j] > result ? best[j] : result;
        return result;
    }

    /// <summary>row ← exp(scale · row − origin), whose sum it gives.</summary>
    public static T Exponentials(T* row, T scale, T origin, int count)
    {
        Pad(row, count);
        var (sums, s, o) = (V.Create(T.Zero), V.Create(scale), V.Create(-origin));
        for (var j = 0; j < count; j += V.Count)
        {
            var power = ElementwiseMath.Exp<V, T>(V.MultiplyAdd(V.Load(row + j), s, o));
            power.Store(row + j);
            sums += power;
        }
        return V.Sum(sums);
    }

    /// <summary>Fills a row up to whole registers with what is not the largest and adds nothing to sums of powers.</summary>
    private static void Pad(T* row, int count)
    {
        for (var j = count; j % V.Count != 0; j++)
            row[j] = T.NegativeInfinity;
    }

    /// <summary>row ← row · factors; both have room.</summary>
    public static void Multiply(T* row, T* factors, int count)
    {
        for (var j = 0; j < count; j += V.Count)
            (V.Load(row + j) * V.Load(factors + j)).Store(row + j);
    }

    /// <summary>slopes ← scale · weights · (slopes − delta); both have room.</summary>
    public static void Slopes(T* weights, T* slopes, T delta, T scale, int count)
    {
        var (d, s) = (V.Create(delta), V.Create(scale));
        for (var j = 0; j < count; j += V.Count)
            (V.Load(weights + j) * s * (V.Load(slopes + j) - d)).Store(slopes + j);
    }

    /// <summary>row ← factor · row.</summary>
    public static void Scale(T* row, T factor, int count)
    {
        var (f, j) = (V.Create(factor), 0);
        for (; j <= count - V.Count; j += V.Count)
            (V.Load(row + j) * f).Store(row + j);
        for (; j < count; j++)
            row[j] *= factor;
    }

    /// <summary>to ← to + part.</summary>
    public static void Add(T* to, T* part, int count)
    {
        var j = 0;
        for (; j <= count - V.Count; j += V.Count)
            (V.Load(to + j) + V.Load(part + j)).Store(to + j);
        for (; j < count; j++)
            to[j] += part[j];
    }
}
