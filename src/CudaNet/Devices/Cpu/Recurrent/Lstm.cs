using System.Numerics;
using System.Runtime.CompilerServices;

namespace CudaNet;

/// <summary>Vectorised cells of an LSTM, by themselves and over sequences.</summary>
internal static unsafe class CpuLstm
{
    public static void Cell(in OpCall call) => VectorKernel.Run<CellKernel>(call);

    public static void CellBackward(in OpCall call) => VectorKernel.Run<CellBackwardKernel>(call);

    public static void Sequence(in OpCall call) => VectorKernel.Run<SequenceKernel>(call);

    public static void SequenceBackward(in OpCall call) => VectorKernel.Run<SequenceBackwardKernel>(call);

    private readonly struct CellKernel : IVectorKernel
    {
        public static void Run<V, T>(in OpCall call)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, IFloatingPointIeee754<T>, IMinMaxValue<T>
        {
            var (x, hidden, cx) = ((nint)call.Input(0).Data, (nint)call.Input(1).Data, (nint)call.Input(2).Data);
            var (hy, cy, kept) = ((nint)call.Output(0).Data, (nint)call.Output(1).Data, (nint)call.Output(2).Data);
            CpuSequences.Rows(
                call.Input(2),
                (b, units) =>
                {
                    var (state, gates) = (b * units, b * 4 * units);
                    Step<V, T>(
                        (T*)x + gates,
                        (T*)hidden + gates,
                        (T*)cx + state,
                        (T*)cy + state,
                        (T*)kept + gates,
                        null,
                        (T*)hy + state,
                        units
                    );
                }
            );
        }
    }

    private readonly struct CellBackwardKernel : IVectorKernel
    {
        public static void Run<V, T>(in OpCall call)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, IFloatingPointIeee754<T>, IMinMaxValue<T>
        {
            var (dh, dc) = ((nint)call.Input(0).Data, (nint)call.Input(1).Data);
            var more = call.Has(2) ? (nint)call.Input(2).Data : 0;
            var (cx, cy, kept) = ((nint)call.Input(3).Data, (nint)call.Input(4).Data, (nint)call.Input(5).Data);
            var (d, gradCx) = ((nint)call.Output(0).Data, (nint)call.Output(1).Data);
            CpuSequences.Rows(
                call.Input(3),
                (b, units) =>
                {
                    var (state, gates) = (b * units, b * 4 * units);
                    StepBackward<V, T>(
                        (T*)dh + state,
                        (T*)dc + state,
                        more == 0 ? null : (T*)more + gates,
                        null,
                        (T*)cx + state,
                        (T*)cy + state,
                        (T*)kept + gates,
                        (T*)d + gates,
                        (T*)gradCx + state,
                        units
                    );
                }
            );
        }
    }

    private readonly struct SequenceKernel : IVectorKernel
    {
        public static void Run<V, T>(in OpCall call)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, IFloatingPointIeee754<T>, IMinMaxValue<T> =>
            CpuSequences.Forward<V, T, ForwardCell<T>>(
                call,
                3,
                new((nint)call.Input(2).Data, (nint)call.Output(2).Data, (nint)call.Output(3).Data)
            );
    }

    private readonly struct SequenceBackwardKernel : IVectorKernel
    {
        public static void Run<V, T>(in OpCall call)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, IFloatingPointIeee754<T>, IMinMaxValue<T> =>
            CpuSequences.Backward<V, T, BackwardCell<T>>(
                call,
                5,
                call.Output(0),
                call.Output(1),
                new(
                    (nint)call.Input(4).Data,
                    (nint)call.Input(2).Data,
                    (nint)call.Input(7).Data,
                    call.Has(3) ? (nint)call.Input(3).Data : 0,
                    (nint)call.Output(2).Data
                )
            );
    }

    private readonly struct ForwardCell<T>(nint cx, nint state, nint reserve) : IForwardCell<T>
        where T : unmanaged, INumber<T>
    {
        public static int Gates => 4;

        public void Start(long b, int units) =>
            new ReadOnlySpan<T>((T*)cx + b * units, units).CopyTo(new Span<T>((T*)state + b * units, units));

        public void Step<V>(in CellPlace place, T* x, T* hidden, T* before, T* h)
            where V : unmanaged, ISimd<V, T>
        {
            var kept = (T*)reserve + place.Row * 5 * place.Units;
            var c = (T*)state + place.Sequence * place.Units;
            CpuLstm.Step<V, T>(x, hidden, c, c, kept, kept + 4 * place.Units, h, place.Units);
        }

        public void Idle(in CellPlace place) =>
            new Span<T>((T*)reserve + place.Row * 5 * place.Units, 5 * place.Units).Clear();
    }

    private readonly struct BackwardCell<T>(nint cx, nint last, nint reserve, nint more, nint state) : IBackwardCell<T>
        where T : unmanaged, INumber<T>
    {
        public static int Gates => 4;

        public void Start(long b, int units) =>
            new ReadOnlySpan<T>((T*)last + b * units, units).CopyTo(new Span<T>((T*)state + b * units, units));

        public void Step<V>(in CellPlace place, T* dh, T* gates)
            where V : unmanaged, ISimd<V, T>
        {
            var units = place.Units;
            var kept = (T*)reserve + place.Row * 5 * units;
            var dc = (T*)state + place.Sequence * units;
            var extra = more == 0 ? null : (T*)more + place.Row * 5 * units;
            StepBackward<V, T>(
                dh,
                dc,
                extra,
                extra == null ? null : extra + 4 * units,
                place.IsFirst ? (T*)cx + place.Sequence * units : (T*)reserve + (place.Before * 5 + 4) * units,
                kept + 4 * units,
                kept,
                gates,
                dc,
                units
            );
            new Span<T>(dh, units).Clear();
        }

        public void Idle(in CellPlace place) { }
    }

    /// <summary>A row: gates into <paramref name="kept"/>, the new c into <paramref name="cy"/> and, unless it is null,
    /// <paramref name="cells"/>.</summary>
    [SkipLocalsInit]
    private static void Step<V, T>(T* x, T* hidden, T* cx, T* cy, T* kept, T* cells, T* h, int units)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T>
    {
        for (var u = 0; u < units; u += V.Count)
        {
            var n = units - u;
            var i = ElementwiseMath.Sigmoid<V, T>(Sum<V, T>(x, hidden, u, n));
            var f = ElementwiseMath.Sigmoid<V, T>(Sum<V, T>(x, hidden, units + u, n));
            var g = ElementwiseMath.Tanh<V, T>(Sum<V, T>(x, hidden, 2 * units + u, n));
            var o = ElementwiseMath.Sigmoid<V, T>(Sum<V, T>(x, hidden, 3 * units + u, n));
            var c = V.MultiplyAdd(f, RowLanes.Load<V, T>(cx + u, n), i * g);
            RowLanes.Store(i, kept + u, n);
            RowLanes.Store(f, kept + units + u, n);
            RowLanes.Store(g, kept + 2 * units + u, n);
            RowLanes.Store(o, kept + 3 * units + u, n);
            RowLanes.Store(c, cy + u, n);
            if (cells != null)
                RowLanes.Store(c, cells + u, n);
            RowLanes.Store(o * ElementwiseMath.Tanh<V, T>(c), h + u, n);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Sum<V, T>(T* x, T* hidden, int at, int n)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T> => RowLanes.Load<V, T>(x + at, n) + RowLanes.Load<V, T>(hidden + at, n);

    /// <summary>A row of gradients; <paramref name="more"/> and <paramref name="moreCells"/>, those of what was kept, may be null.</summary>
    [SkipLocalsInit]
    private static void StepBackward<V, T>(
        T* gradHy,
        T* gradCy,
        T* more,
        T* moreCells,
        T* cx,
        T* cy,
        T* kept,
        T* gates,
        T* gradCx,
        int units
    )
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T>
    {
        var one = V.Create(T.One);
        for (var u = 0; u < units; u += V.Count)
        {
            var n = units - u;
            var (i, f) = (RowLanes.Load<V, T>(kept + u, n), RowLanes.Load<V, T>(kept + units + u, n));
            var g = RowLanes.Load<V, T>(kept + 2 * units + u, n);
            var o = RowLanes.Load<V, T>(kept + 3 * units + u, n);
            var dh = RowLanes.Load<V, T>(gradHy + u, n);
            var size = ElementwiseMath.Tanh<V, T>(RowLanes.Load<V, T>(cy + u, n));
            var dc = V.MultiplyAdd(dh * o, one - size * size, RowLanes.Load<V, T>(gradCy + u, n));
            if (moreCells != null)
                dc += RowLanes.Load<V, T>(moreCells + u, n);
            var (di, df, dg, dO) = (dc * g, dc * RowLanes.Load<V, T>(cx + u, n), dc * i, dh * size);
            if (more != null)
            {
                di += RowLanes.Load<V, T>(more + u, n);
                df += RowLanes.Load<V, T>(more + units + u, n);
                dg += RowLanes.Load<V, T>(more + 2 * units + u, n);
                dO += RowLanes.Load<V, T>(more + 3 * units + u, n);
            }
            RowLanes.Store(di * i * (one - i), gates + u, n);
            RowLanes.Store(df * f * (one - f), gates + units + u, n);
            RowLanes.Store(dg * (one - g * g), gates + 2 * units + u, n);
            RowLanes.Store(dO * o * (one - o), gates + 3 * units + u, n);
            RowLanes.Store(dc * f, gradCx + u, n);
        }
    }
}
