using System.Numerics;

namespace CudaNet;

/// <summary>What is done to rows of scores. Those rows have room up to whole registers, which may be written; other rows end where they
/// end.</summary>
internal static unsafe class AttentionRows<V, T>
    where V : unmanaged, ISimd<V, T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>row ← exp(row − origin), whose sum it gives.</summary>
    public static T Exponentials(T* row, T origin, int count)
    {
        for (var j = count; j % V.Count != 0; j++)
            row[j] = T.NegativeInfinity; // adds nothing to the sum
        var (sums, o) = (V.Create(T.Zero), V.Create(origin));
        for (var j = 0; j < count; j += V.Count)
        {
            var power = ElementwiseMath.Exp<V, T>(V.Load(row + j) - o);
            power.Store(row + j);
            sums += power;
        }
        return V.Sum(sums);
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
