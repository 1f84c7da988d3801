using System.Numerics;

namespace CudaNet;

/// <summary>Optimiser steps in vectors, with the number of the step read and counted as kernels do.</summary>
internal static unsafe partial class CpuOptimizers
{
    public static void StepSgd(in OpCall call) => VectorKernel.Run<SgdKernel>(call);

    public static void StepAdamW(in OpCall call) => VectorKernel.Run<AdamKernel>(call);

    private static (double Rate, long StepsBefore) Step(in OpCall call)
    {
        var lists = call.Op.Signature.ListCount * call.ListLength;
        var state = (long*)call.Inputs[lists + 1]!.Data;
        return (*(double*)call.Inputs[lists]!.Data, state[0]++);
    }

    /// <summary>Whether gradients overflowed, so that the step is left out.</summary>
    private static bool Skips(in OpCall call) => call.Inputs[^1] is { } found && *(float*)found.Data != 0;

    /// <summary>What an optimiser does to the elements from one position on.</summary>
    private interface IRule
    {
        void Run(long first, long last);
    }

    private static void Run<TRule>(TRule rule, long count, int cost)
        where TRule : struct, IRule
    {
        if (CpuThreads.IsSmall(count, cost))
            rule.Run(0, count);
        else
            RunInParts(rule, count, cost);
    }

    // Apart, so that small parameters, of which there are many, need no closure.
    private static void RunInParts<TRule>(TRule rule, long count, int cost)
        where TRule : struct, IRule => CpuThreads.For(count, cost, (first, last) => rule.Run(first, last));

    private readonly struct SgdKernel : IVectorKernel
    {
        public static void Run<V, T>(in OpCall call)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, IFloatingPointIeee754<T>, IMinMaxValue<T>
        {
            if (Skips(call))
                return;
            var (rate, before) = Step(call);
            var attributes = call.Attributes;
            var rule = new SgdRule<V, T>
            {
                Rate = T.CreateTruncating(rate),
                Momentum = T.CreateTruncating(attributes.Float(0)),
                Weight = before == 0 ? T.One : T.CreateTruncating(1 - attributes.Float(1)),
                Decay = T.CreateTruncating(attributes.Float(2)),
                Nesterov = attributes.Bool(3),
                IsFirst = before == 0,
            };
            for (var t = 0; t < call.ListLength; t++)
            {
                rule.P = (T*)call.List(0)[t]!.Data;
                rule.G = (T*)call.List(1)[t]!.Data;
                rule.Held = rule.Momentum == T.Zero ? null : (T*)call.List(2)[t]!.Data;
                CpuOptimizers.Run(rule, call.List(0)[t]!.NumElements, cost: 2);
            }
        }
    }

    private readonly struct AdamKernel : IVectorKernel
    {
        public static void Run<V, T>(in OpCall call)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, IFloatingPointIeee754<T>, IMinMaxValue<T>
        {
            if (Skips(call))
                return;
            var (rate, before) = Step(call);
            var attributes = call.Attributes;
            var (beta1, beta2) = (attributes.Float(0), attributes.Float(1));
            var (decay, decoupled) = (attributes.Float(3), attributes.Bool(4));
            var rule = new AdamRule<V, T>
            {
                Beta1 = T.CreateTruncating(beta1),
                Rest1 = T.CreateTruncating(1 - beta1),
                Beta2 = T.CreateTruncating(beta2),
                Rest2 = T.CreateTruncating(1 - beta2),
                Eps = T.CreateTruncating(attributes.Float(2)),
                Keep = T.CreateTruncating(decoupled ? 1 - rate * decay : 1),
                Decay = T.CreateTruncating(decoupled ? 0 : decay),
                StepSize = T.CreateTruncating(rate / (1 - Math.Pow(beta1, before + 1))),
                Correction = T.CreateTruncating(Math.Sqrt(1 - Math.Pow(beta2, before + 1))),
            };
            for (var t = 0; t < call.ListLength; t++)
            {
                rule.P = (T*)call.List(0)[t]!.Data;
                rule.G = (T*)call.List(1)[t]!.Data;
                rule.M = (T*)call.List(2)[t]!.Data;
                rule.S = (T*)call.List(3)[t]!.Data;
                CpuOptimizers.Run(rule, call.List(0)[t]!.NumElements, cost: 4);
            }
        }
    }

    private struct SgdRule<V, T> : IRule
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        public T* P;
        public T* G;
        public T* Held;
        public T Rate;
        public T Momentum;
        public T Weight;
        public T Decay;
        public bool Nesterov;
        public bool IsFirst;

        public readonly void Run(long first, long last)
        {
            var i = first;
            var (rate, momentum) = (V.Create(Rate), V.Create(Momentum));
            var (weight, decay) = (V.Create(Weight), V.Create(Decay));
            for (; i <= last - V.Count; i += V.Count)
            {
                var value = V.Load(P + i);
                var step = V.MultiplyAdd(value, decay, V.Load(G + i));
                if (Held != null)
                {
                    var held = IsFirst ? step : V.MultiplyAdd(V.Load(Held + i), momentum, step * weight);
                    held.Store(Held + i);
                    step = Nesterov ? V.MultiplyAdd(held, momentum, step) : held;
                }
                (value - step * rate).Store(P + i);
            }
            for (; i < last; i++)
            {
                var step = G[i] + P[i] * Decay;
                if (Held != null)
                {
                    Held[i] = IsFirst ? step : Held[i] * Momentum + step * Weight;
                    step = Nesterov ? step + Held[i] * Momentum : Held[i];
                }
                P[i] -= step * Rate;
            }
        }
    }

    private struct AdamRule<V, T> : IRule
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        public T* P;
        public T* G;
        public T* M;
        public T* S;
        public T Beta1;
        public T Rest1;
        public T Beta2;
        public T Rest2;
        public T Eps;
        public T Keep;
        public T Decay;
        public T StepSize;
        public T Correction;

        public readonly void Run(long first, long last)
        {
            var i = first;
            var (beta1, rest1, beta2, rest2) = (V.Create(Beta1), V.Create(Rest1), V.Create(Beta2), V.Create(Rest2));
            var (eps, keep, decay) = (V.Create(Eps), V.Create(Keep), V.Create(Decay));
            var (size, correction) = (V.Create(StepSize), V.Create(Correction));
            for (; i <= last - V.Count; i += V.Count)
            {
                var value = V.Load(P + i);
                var gradient = V.MultiplyAdd(value, decay, V.Load(G + i));
                var mean = V.MultiplyAdd(V.Load(M + i), beta1, gradient * rest1);
                var square = V.MultiplyAdd(V.Load(S + i), beta2, gradient * gradient * rest2);
                mean.Store(M + i);
                square.Store(S + i);
                (value * keep - mean * size / (V.Sqrt(square) / correction + eps)).Store(P + i);
            }
            for (; i < last; i++)
            {
                var gradient = G[i] + P[i] * Decay;
                M[i] = M[i] * Beta1 + gradient * Rest1;
                S[i] = S[i] * Beta2 + gradient * gradient * Rest2;
                P[i] = P[i] * Keep - M[i] * StepSize / (T.Sqrt(S[i]) / Correction + Eps);
            }
        }
    }
}
