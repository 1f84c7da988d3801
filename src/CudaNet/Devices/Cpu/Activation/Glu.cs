using System.Numerics;
using System.Runtime.CompilerServices;

namespace CudaNet;

/// <summary>Gated linear units on the CPU: pieces of rows, whose values and gates lie half a row apart.</summary>
internal static unsafe class CpuGlu
{
    public static void Forward(in OpCall call) => VectorKernel.Run<Kernel<ForwardDirection>>(call);

    public static void Backward(in OpCall call) => VectorKernel.Run<Kernel<BackwardDirection>>(call);

    /// <summary>What is done to <paramref name="count"/> values that follow each other: <paramref name="i"/> is their place in a tensor of halves,
    /// <paramref name="at"/> in one of whole rows.</summary>
    private delegate void Piece(long i, long at, long count);

    private static void ForPieces(long numel, long half, Piece piece) =>
        CpuThreads.For(
            numel,
            CpuElementwise.Polynomial,
            (first, last) =>
            {
                for (var i = first; i < last; )
                {
                    var row = i / half;
                    var count = Math.Min((row + 1) * half, last) - i;
                    piece(i, i + row * half, count);
                    i += count;
                }
            }
        );

    private interface IDirection
    {
        static abstract void Run<V, T, TGate>(in OpCall call)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, INumber<T>
            where TGate : struct, IActivation;
    }

    /// <summary>From the attribute to the instance for its function.</summary>
    private readonly struct Kernel<TDirection> : IVectorKernel
        where TDirection : struct, IDirection
    {
        public static void Run<V, T>(in OpCall call)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, IFloatingPointIeee754<T>, IMinMaxValue<T>
        {
            switch (Gates.Of(call.Attributes))
            {
                case GateActivation.Silu:
                    TDirection.Run<V, T, SiluFunction>(call);
                    break;
                case GateActivation.Gelu:
                    TDirection.Run<V, T, GeluFunction>(call);
                    break;
                case GateActivation.Relu:
                    TDirection.Run<V, T, ReluFunction>(call);
                    break;
                default:
                    TDirection.Run<V, T, SigmoidFunction>(call);
                    break;
            }
        }
    }

    private readonly struct ForwardDirection : IDirection
    {
        public static void Run<V, T, TGate>(in OpCall call)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, INumber<T>
            where TGate : struct, IActivation
        {
            var (x, y) = ((nint)call.Input(0).Data, (nint)call.Output(0).Data);
            var half = GluOp.HalfLength(call.Input(0).Shape, call.Attributes);
            ForPieces(
                call.Output(0).NumElements,
                half,
                (i, at, count) => Multiply<V, T, TGate>((T*)x + at, (T*)x + at + half, (T*)y + i, count)
            );
        }
    }

    private readonly struct BackwardDirection : IDirection
    {
        public static void Run<V, T, TGate>(in OpCall call)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, INumber<T>
            where TGate : struct, IActivation
        {
            var (g, x, gx) = ((nint)call.Input(0).Data, (nint)call.Input(1).Data, (nint)call.Output(0).Data);
            var half = GluOp.HalfLength(call.Input(1).Shape, call.Attributes);
            ForPieces(
                call.Input(0).NumElements,
                half,
                (i, at, count) =>
                {
                    // grad · gate, and then grad · value · slope.
                    Multiply<V, T, TGate>((T*)g + i, (T*)x + at + half, (T*)gx + at, count);
                    MultiplySlope<V, T, TGate>((T*)g + i, (T*)x + at, (T*)x + at + half, (T*)gx + at + half, count);
                }
            );
        }
    }

    [SkipLocalsInit]
    private static void Multiply<V, T, TGate>(T* values, T* arguments, T* target, long count)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T>
        where TGate : struct, IActivation
    {
        var gate = default(TGate);
        long i = 0;
        for (; i <= count - V.Count; i += V.Count)
            (V.Load(values + i) * gate.Value<V, T>(V.Load(arguments + i))).Store(target + i);
        if (i == count)
            return;
        V padded;
        var rest = (int)(count - i);
        var value = gate.Value<V, T>(ElementBlocks.LoadPart<V, T>(arguments + i, rest, &padded));
        value = ElementBlocks.LoadPart<V, T>(values + i, rest, &padded) * value;
        ElementBlocks.StorePart<V, T>(value, target + i, rest, &padded);
    }

    [SkipLocalsInit]
    private static void MultiplySlope<V, T, TGate>(T* gradients, T* values, T* arguments, T* target, long count)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T>
        where TGate : struct, IActivation
    {
        var gate = default(TGate);
        long i = 0;
        for (; i <= count - V.Count; i += V.Count)
        {
            var factor = V.Load(gradients + i) * V.Load(values + i);
            (factor * gate.Slope<V, T>(V.Load(arguments + i))).Store(target + i);
        }
        if (i == count)
            return;
        V padded;
        var rest = (int)(count - i);
        var slope = gate.Slope<V, T>(ElementBlocks.LoadPart<V, T>(arguments + i, rest, &padded));
        var gradient = ElementBlocks.LoadPart<V, T>(gradients + i, rest, &padded);
        var result = gradient * ElementBlocks.LoadPart<V, T>(values + i, rest, &padded) * slope;
        ElementBlocks.StorePart<V, T>(result, target + i, rest, &padded);
    }

    private readonly struct SigmoidFunction : IActivation
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Value<V, T>(V x)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, INumber<T> => ElementwiseMath.Sigmoid<V, T>(x);

        // σ(x)·σ(−x) from one exponential: neither tail cancels.
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Slope<V, T>(V x)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, INumber<T>
        {
            var e = ElementwiseMath.Exp<V, T>(-V.Abs(x));
            var r = ElementwiseMath.Constant<V, T>(1) / (ElementwiseMath.Constant<V, T>(1) + e);
            return e * r * r;
        }
    }

    private readonly struct ReluFunction : IActivation
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Value<V, T>(V x)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, INumber<T> =>
            V.Select(V.LessThan(x, ElementwiseMath.Constant<V, T>(0)), ElementwiseMath.Constant<V, T>(0), x);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Slope<V, T>(V x)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, INumber<T> =>
            V.LessThan(ElementwiseMath.Constant<V, T>(0), x) & ElementwiseMath.Constant<V, T>(1);
    }
}
