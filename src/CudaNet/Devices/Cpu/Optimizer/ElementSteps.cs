using System.Numerics;
using System.Runtime.CompilerServices;

namespace CudaNet;

/// <summary>Optimiser steps that are one formula per element: the formulas on whole registers, and the loop around them.</summary>
internal static unsafe partial class CpuOptimizers
{
    public static void StepMomentum(in OpCall call) => VectorKernel.Run<MomentumKernel>(call);

    public static void StepAdagrad(in OpCall call) => VectorKernel.Run<AdagradKernel>(call);

    public static void StepRmsProp(in OpCall call) => VectorKernel.Run<RmsPropKernel>(call);

    public static void StepAdadelta(in OpCall call) => VectorKernel.Run<AdadeltaKernel>(call);

    public static void StepAdamax(in OpCall call) => VectorKernel.Run<AdamaxKernel>(call);

    public static void StepRAdam(in OpCall call) => VectorKernel.Run<RAdamKernel>(call);

    public static void StepAmsGrad(in OpCall call) => VectorKernel.Run<AmsGradKernel>(call);

    /// <summary>The formula of one optimiser; made once per call, from its attributes.</summary>
    private interface IFormula<TSelf, V>
        where TSelf : struct, IFormula<TSelf, V>
    {
        /// <summary>The formula for one step.</summary>
        /// <param name="rate">The learning rate.</param>
        /// <param name="step">The number of the step, from 1.</param>
        /// <param name="attributes">The op's attributes.</param>
        static abstract TSelf Create(double rate, double step, Attributes attributes);

        /// <summary>The strength of the L2 penalty.</summary>
        V Decay { get; }

        /// <summary>The new parameter; the buffers are written where they are. Those that the optimiser lacks are 0.</summary>
        V Next(V p, V g, ref V first, ref V second, ref V third);
    }

    private static void RunFormula<TFormula, V, T>(in OpCall call)
        where TFormula : struct, IFormula<TFormula, V>
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var (rate, before) = Step(call);
        var buffers = call.Op.Signature.ListCount - 2;
        var rule = new FormulaRule<TFormula, V, T> { Formula = TFormula.Create(rate, before + 1, call.Attributes) };
        for (var t = 0; t < call.ListLength; t++)
        {
            rule.P = (T*)call.List(0)[t]!.Data;
            rule.G = (T*)call.List(1)[t]!.Data;
            rule.First = Buffer(call, 0, t);
            rule.Second = Buffer(call, 1, t);
            rule.Third = Buffer(call, 2, t);
            Run(rule, call.List(0)[t]!.NumElements, cost: 4);
        }

        T* Buffer(in OpCall call, int which, int t) =>
            which < buffers && call.List(2 + which)[t] is { } buffer ? (T*)buffer.Data : null;
    }

    private struct FormulaRule<TFormula, V, T> : IRule
        where TFormula : struct, IFormula<TFormula, V>
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        public TFormula Formula;
        public T* P;
        public T* G;
        public T* First;
        public T* Second;
        public T* Third;

        public readonly void Run(long first, long last)
        {
            var i = first;
            for (; i <= last - V.Count; i += V.Count)
                Next(P + i, G + i, At(First, i), At(Second, i), At(Third, i));
            if (i == last)
                return;
            // What is left of a register is lent the room of a whole one.
            var left = (int)(last - i);
            var room = stackalloc T[5 * V.Count];
            new Span<T>(room, 5 * V.Count).Fill(T.One);
            var tail = new FormulaRule<TFormula, V, T> { Formula = Formula };
            tail.P = Lend(P, 0);
            tail.G = Lend(G, 1);
            tail.First = Lend(First, 2);
            tail.Second = Lend(Second, 3);
            tail.Third = Lend(Third, 4);
            tail.Next(tail.P, tail.G, tail.First, tail.Second, tail.Third);
            Return(tail.P, P);
            Return(tail.First, First);
            Return(tail.Second, Second);
            Return(tail.Third, Third);

            T* Lend(T* from, int part)
            {
                if (from == null)
                    return null;
                new Span<T>(from + i, left).CopyTo(new Span<T>(room + part * V.Count, left));
                return room + part * V.Count;
            }

            void Return(T* lent, T* to)
            {
                if (to != null)
                    new Span<T>(lent, left).CopyTo(new Span<T>(to + i, left));
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static T* At(T* buffer, long i) => buffer == null ? null : buffer + i;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private readonly void Next(T* p, T* g, T* first, T* second, T* third)
        {
            var (a, b, c) = (Read(first), Read(second), Read(third));
            var value = V.Load(p);
            Formula.Next(value, V.MultiplyAdd(value, Formula.Decay, V.Load(g)), ref a, ref b, ref c).Store(p);
            Write(first, a);
            Write(second, b);
            Write(third, c);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static V Read(T* buffer) => buffer == null ? V.Create(T.Zero) : V.Load(buffer);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void Write(T* buffer, V value)
        {
            if (buffer != null)
                value.Store(buffer);
        }
    }

    private readonly struct MomentumKernel : IVectorKernel
    {
        public static void Run<V, T>(in OpCall call)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, IFloatingPointIeee754<T>, IMinMaxValue<T> =>
            RunFormula<MomentumFormula<V, T>, V, T>(call);
    }

    private readonly struct AdagradKernel : IVectorKernel
    {
        public static void Run<V, T>(in OpCall call)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, IFloatingPointIeee754<T>, IMinMaxValue<T> =>
            RunFormula<AdagradFormula<V, T>, V, T>(call);
    }

    private readonly struct RmsPropKernel : IVectorKernel
    {
        public static void Run<V, T>(in OpCall call)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, IFloatingPointIeee754<T>, IMinMaxValue<T> =>
            RunFormula<RmsPropFormula<V, T>, V, T>(call);
    }

    private readonly struct AdadeltaKernel : IVectorKernel
    {
        public static void Run<V, T>(in OpCall call)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, IFloatingPointIeee754<T>, IMinMaxValue<T> =>
            RunFormula<AdadeltaFormula<V, T>, V, T>(call);
    }

    private readonly struct AdamaxKernel : IVectorKernel
    {
        public static void Run<V, T>(in OpCall call)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, IFloatingPointIeee754<T>, IMinMaxValue<T> =>
            RunFormula<AdamaxFormula<V, T>, V, T>(call);
    }

    private readonly struct RAdamKernel : IVectorKernel
    {
        public static void Run<V, T>(in OpCall call)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, IFloatingPointIeee754<T>, IMinMaxValue<T> =>
            RunFormula<RAdamFormula<V, T>, V, T>(call);
    }

    private readonly struct AmsGradKernel : IVectorKernel
    {
        public static void Run<V, T>(in OpCall call)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, IFloatingPointIeee754<T>, IMinMaxValue<T> =>
            RunFormula<AmsGradFormula<V, T>, V, T>(call);
    }
}
