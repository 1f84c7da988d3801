using System.Numerics;
using System.Runtime.InteropServices;

namespace CudaNet;

/// <summary>The weighted squared error of samples on the CPU: a sample at a time, then the samples in order.</summary>
internal static unsafe class CpuDiffusionLoss
{
    public static void Forward(in OpCall call) => VectorKernel.Run<ForwardKernel>(call);

    public static void Backward(in OpCall call) => VectorKernel.Run<BackwardKernel>(call);

    private readonly struct ForwardKernel : IVectorKernel
    {
        public static void Run<V, T>(in OpCall call)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, IFloatingPointIeee754<T>, IMinMaxValue<T>
        {
            var shape = call.Input(0).Shape;
            var (samples, n) = (shape[0], checked((int)CouplingRules.SampleLength(shape)));
            var rows = CpuDiffusion.Rows(call, 2, 3, samples);
            var (x, target, weight) = ((nint)call.Input(0).Data, (nint)call.Input(1).Data, (nint)call.Input(3).Data);
            var reduction = (Reduction)call.Attributes.Int(0);
            var own = reduction == Reduction.None;
            var losses = own
                ? (nint)call.Output(0).Data
                : (nint)NativeMemory.Alloc((nuint)Math.Max(1, samples), (nuint)sizeof(T));
            CpuThreads.For(
                samples,
                n,
                (first, last) =>
                {
                    for (var s = first; s < last; s++)
                        ((T*)losses)[s] =
                            ((T*)weight)[rows[s]]
                            * Squares<V, T>((T*)x + s * n, (T*)target + s * n, n)
                            / T.CreateTruncating(n);
                }
            );
            if (own)
                return;
            var sum = T.Zero;
            for (long s = 0; s < samples; s++)
                sum += ((T*)losses)[s];
            *(T*)call.Output(0).Data = reduction == Reduction.Mean ? sum / T.CreateTruncating(samples) : sum;
            NativeMemory.Free((void*)losses);
        }

        /// <summary>Σ (x − y)².</summary>
        private static T Squares<V, T>(T* x, T* y, int n)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, INumber<T>
        {
            var zero = V.Create(T.Zero);
            var (a, b, i) = (zero, zero, 0);
            for (; i <= n - 2 * V.Count; i += 2 * V.Count)
            {
                var (p, q) = (V.Load(x + i) - V.Load(y + i), V.Load(x + i + V.Count) - V.Load(y + i + V.Count));
                a = V.MultiplyAdd(p, p, a);
                b = V.MultiplyAdd(q, q, b);
            }
            var sum = V.Sum(a + b);
            for (; i < n; i++)
                sum += (x[i] - y[i]) * (x[i] - y[i]);
            return sum;
        }
    }

    private readonly struct BackwardKernel : IVectorKernel
    {
        public static void Run<V, T>(in OpCall call)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, IFloatingPointIeee754<T>, IMinMaxValue<T>
        {
            var shape = call.Input(1).Shape;
            var (samples, n) = (shape[0], CouplingRules.SampleLength(shape));
            var rows = CpuDiffusion.Rows(call, 3, 4, samples);
            var (g, weight, gx) = ((nint)call.Input(0).Data, (nint)call.Input(4).Data, (nint)call.Output(0).Data);
            var (x, target) = ((nint)call.Input(1).Data, (nint)call.Input(2).Data);
            var reduction = (Reduction)call.Attributes.Int(0);
            var scale = T.CreateTruncating(2.0 / (n * (double)(reduction == Reduction.Mean ? samples : 1)));
            var step = reduction == Reduction.None ? 1 : 0;
            CpuThreads.For(
                samples,
                2 * n,
                (first, last) =>
                {
                    for (var s = first; s < last; s++)
                        Spread<V, T>(
                            (T*)x + s * n,
                            (T*)target + s * n,
                            (T*)gx + s * n,
                            scale * ((T*)weight)[rows[s]] * ((T*)g)[s * step],
                            n
                        );
                }
            );
        }

        /// <summary>slope · (x − y).</summary>
        private static void Spread<V, T>(T* x, T* y, T* gx, T slope, long n)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, INumber<T>
        {
            var (s, i) = (V.Create(slope), 0L);
            for (; i <= n - V.Count; i += V.Count)
                (s * (V.Load(x + i) - V.Load(y + i))).Store(gx + i);
            for (; i < n; i++)
                gx[i] = slope * (x[i] - y[i]);
        }
    }
}
