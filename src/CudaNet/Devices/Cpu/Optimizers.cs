using System.Numerics;
using System.Runtime.CompilerServices;

namespace CudaNet;

/// <summary>Optimiser steps in vectors, with the number of the step read and counted as kernels do.</summary>
internal static unsafe class CpuOptimizers
{
    public static void StepSgd(in OpCall call)
    {
        switch (call.Inputs[0]!.DType)
        {
            case DType.Float32:
                StepSgd<float>(call);
                break;
            case DType.Float64:
                StepSgd<double>(call);
                break;
            default:
                ReferenceRunner.Run(call);
                break;
        }
    }

    public static void StepAdamW(in OpCall call)
    {
        switch (call.Inputs[0]!.DType)
        {
            case DType.Float32:
                StepAdamW<float>(call);
                break;
            case DType.Float64:
                StepAdamW<double>(call);
                break;
            default:
                ReferenceRunner.Run(call);
                break;
        }
    }

    private static (double Rate, long StepsBefore) Step(in OpCall call)
    {
        var state = (long*)call.Inputs[^1]!.Data;
        return (*(double*)call.Inputs[^2]!.Data, state[0]++);
    }

    private static void StepSgd<T>(in OpCall call)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var (rate, before) = Step(call);
        var attributes = call.Attributes;
        var rule = new SgdRule<T>(
            T.CreateTruncating(rate),
            T.CreateTruncating(attributes.Float(0)),
            before == 0 ? T.One : T.CreateTruncating(1 - attributes.Float(1)),
            T.CreateTruncating(attributes.Float(2)),
            attributes.Bool(3),
            before == 0
        );
        for (var t = 0; t < call.ListLength; t++)
        {
            var (p, g) = ((nint)call.List(0)[t]!.Data, (nint)call.List(1)[t]!.Data);
            var buffer = rule.Momentum == T.Zero ? 0 : (nint)call.List(2)[t]!.Data;
            CpuThreads.For(
                call.List(0)[t]!.NumElements,
                2,
                (first, last) =>
                    rule.Run((T*)p + first, (T*)g + first, buffer == 0 ? null : (T*)buffer + first, last - first)
            );
        }
    }

    private static void StepAdamW<T>(in OpCall call)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var (rate, before) = Step(call);
        var attributes = call.Attributes;
        var (beta1, beta2) = (attributes.Float(0), attributes.Float(1));
        var (decay, decoupled) = (attributes.Float(3), attributes.Bool(4));
        var rule = new AdamRule<T>(
            T.CreateTruncating(beta1),
            T.CreateTruncating(1 - beta1),
            T.CreateTruncating(beta2),
            T.CreateTruncating(1 - beta2),
            T.CreateTruncating(attributes.Float(2)),
            T.CreateTruncating(decoupled ? 1 - rate * decay : 1),
            T.CreateTruncating(decoupled ? 0 : decay),
            T.CreateTruncating(rate / (1 - Math.Pow(beta1, before + 1))),
            T.CreateTruncating(Math.Sqrt(1 - Math.Pow(beta2, before + 1)))
        );
        for (var t = 0; t < call.ListLength; t++)
        {
            var (p, g) = ((nint)call.List(0)[t]!.Data, (nint)call.List(1)[t]!.Data);
            var (m, v) = ((nint)call.List(2)[t]!.Data, (nint)call.List(3)[t]!.Data);
            CpuThreads.For(
                call.List(0)[t]!.NumElements,
                4,
                (first, last) => rule.Run((T*)p + first, (T*)g + first, (T*)m + first, (T*)v + first, last - first)
            );
        }
    }

    private readonly record struct SgdRule<T>(T Rate, T Momentum, T Weight, T Decay, bool Nesterov, bool IsFirst)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        public void Run(T* p, T* g, T* buffer, long n)
        {
            long i = 0;
            for (; i <= n - Vector<T>.Count; i += Vector<T>.Count)
            {
                var value = Vector.Load(p + i);
                var step = Vector.Load(g + i) + value * Decay;
                if (buffer != null)
                {
                    var held = IsFirst ? step : Vector.Load(buffer + i) * Momentum + step * Weight;
                    held.Store(buffer + i);
                    step = Nesterov ? step + held * Momentum : held;
                }
                (value - step * Rate).Store(p + i);
            }
            for (; i < n; i++)
            {
                var step = g[i] + p[i] * Decay;
                if (buffer != null)
                {
                    buffer[i] = IsFirst ? step : buffer[i] * Momentum + step * Weight;
                    step = Nesterov ? step + buffer[i] * Momentum : buffer[i];
                }
                p[i] -= step * Rate;
            }
        }
    }

    private readonly record struct AdamRule<T>(
        T Beta1,
        T Rest1,
        T Beta2,
        T Rest2,
        T Eps,
        T Keep,
        T Decay,
        T StepSize,
        T Correction
    )
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        public void Run(T* p, T* g, T* m, T* v, long n)
        {
            var (correction, eps) = (new Vector<T>(Correction), new Vector<T>(Eps));
            long i = 0;
            for (; i <= n - Vector<T>.Count; i += Vector<T>.Count)
            {
                var value = Vector.Load(p + i);
                var gradient = Vector.Load(g + i) + value * Decay;
                var first = Vector.Load(m + i) * Beta1 + gradient * Rest1;
                var second = Vector.Load(v + i) * Beta2 + gradient * gradient * Rest2;
                first.Store(m + i);
                second.Store(v + i);
                (value * Keep - first * StepSize / (Vector.SquareRoot(second) / correction + eps)).Store(p + i);
            }
            for (; i < n; i++)
                Element(ref p[i], g[i], ref m[i], ref v[i]);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private void Element(ref T p, T g, ref T m, ref T v)
        {
            var gradient = g + p * Decay;
            m = m * Beta1 + gradient * Rest1;
            v = v * Beta2 + gradient * gradient * Rest2;
            p = p * Keep - m * StepSize / (T.Sqrt(v) / Correction + Eps);
        }
    }
}
