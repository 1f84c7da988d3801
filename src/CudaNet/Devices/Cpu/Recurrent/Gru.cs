using System.Numerics;
using System.Runtime.CompilerServices;

namespace CudaNet;

/// <summary>Vectorised cells of a GRU, by themselves and over sequences.</summary>
internal static unsafe class CpuGru
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
            var (x, hidden, hx) = ((nint)call.Input(0).Data, (nint)call.Input(1).Data, (nint)call.Input(2).Data);
            var (hy, kept) = ((nint)call.Output(0).Data, (nint)call.Output(1).Data);
            CpuSequences.Rows(
                call.Input(2),
                (b, units) =>
                {
                    var (state, gates) = (b * units, b * 3 * units);
                    Step<V, T>(
                        (T*)x + gates,
                        (T*)hidden + gates,
                        (T*)hx + state,
                        (T*)kept + 4 * state,
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
            var (dh, hx, kept) = ((nint)call.Input(0).Data, (nint)call.Input(2).Data, (nint)call.Input(3).Data);
            var more = call.Has(1) ? (nint)call.Input(1).Data : 0;
            var (input, hidden) = ((nint)call.Output(0).Data, (nint)call.Output(1).Data);
            var gradHx = (nint)call.Output(2).Data;
            CpuSequences.Rows(
                call.Input(2),
                (b, units) =>
                {
                    var (state, gates) = (b * units, b * 3 * units);
                    StepBackward<V, T>(
                        (T*)dh + state,
                        more == 0 ? null : (T*)more + 4 * state,
                        (T*)hx + state,
                        (T*)kept + 4 * state,
                        (T*)input + gates,
                        (T*)hidden + gates,
                        (T*)gradHx + state,
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
            CpuSequences.Forward<V, T, ForwardCell<T>>(call, 2, new((nint)call.Output(2).Data));
    }

    private readonly struct SequenceBackwardKernel : IVectorKernel
    {
        public static void Run<V, T>(in OpCall call)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, IFloatingPointIeee754<T>, IMinMaxValue<T> =>
            CpuSequences.Backward<V, T, BackwardCell<T>>(
                call,
                4,
                call.Output(1),
                call.Output(2),
                new(
                    (nint)call.Input(3).Data,
                    (nint)call.Input(6).Data,
                    (nint)call.Input(7).Data,
                    call.Has(2) ? (nint)call.Input(2).Data : 0,
                    (nint)call.Output(0).Data
                )
            );
    }

    private readonly struct ForwardCell<T>(nint reserve) : IForwardCell<T>
        where T : unmanaged, INumber<T>
    {
        public static int Gates => 3;

        public void Start(long b, int units) { }

        public void Step<V>(in CellPlace place, T* x, T* hidden, T* before, T* h)
            where V : unmanaged, ISimd<V, T> =>
            CpuGru.Step<V, T>(x, hidden, before, (T*)reserve + place.Row * 4 * place.Units, h, place.Units);

        public void Idle(in CellPlace place) =>
            new Span<T>((T*)reserve + place.Row * 4 * place.Units, 4 * place.Units).Clear();
    }

    private readonly struct BackwardCell<T>(nint hx, nint output, nint reserve, nint more, nint gradInput)
        : IBackwardCell<T>
        where T : unmanaged, INumber<T>
    {
        public static int Gates => 3;

        public void Start(long b, int units) { }

        public void Step<V>(in CellPlace place, T* dh, T* gates)
            where V : unmanaged, ISimd<V, T>
        {
            var units = place.Units;
            StepBackward<V, T>(
                dh,
                more == 0 ? null : (T*)more + place.Row * 4 * units,
                place.IsFirst ? (T*)hx + place.Sequence * units : (T*)output + place.Before * units,
                (T*)reserve + place.Row * 4 * units,
                (T*)gradInput + place.Row * 3 * units,
                gates,
                dh,
                units
            );
        }

        public void Idle(in CellPlace place) =>
            new Span<T>((T*)gradInput + place.Row * 3 * place.Units, 3 * place.Units).Clear();
    }

    [SkipLocalsInit]
    private static void Step<V, T>(T* x, T* hidden, T* hx, T* kept, T* h, int units)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T>
    {
        var one = V.Create(T.One);
        for (var u = 0; u < units; u += V.Count)
        {
            var n = units - u;
            var r = ElementwiseMath.Sigmoid<V, T>(RowLanes.Load<V, T>(x + u, n) + RowLanes.Load<V, T>(hidden + u, n));
            var z = ElementwiseMath.Sigmoid<V, T>(
                RowLanes.Load<V, T>(x + units + u, n) + RowLanes.Load<V, T>(hidden + units + u, n)
            );
            var own = RowLanes.Load<V, T>(hidden + 2 * units + u, n);
            var candidate = ElementwiseMath.Tanh<V, T>(
                V.MultiplyAdd(r, own, RowLanes.Load<V, T>(x + 2 * units + u, n))
            );
            RowLanes.Store(r, kept + u, n);
            RowLanes.Store(z, kept + units + u, n);
            RowLanes.Store(candidate, kept + 2 * units + u, n);
            RowLanes.Store(own, kept + 3 * units + u, n);
            RowLanes.Store((one - z) * candidate + z * RowLanes.Load<V, T>(hx + u, n), h + u, n);
        }
    }

    [SkipLocalsInit]
    private static void StepBackward<V, T>(
        T* gradHy,
        T* more,
        T* hx,
        T* kept,
        T* input,
        T* hidden,
        T* gradHx,
        int units
    )
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T>
    {
        var one = V.Create(T.One);
        for (var u = 0; u < units; u += V.Count)
        {
            var n = units - u;
            var (r, z) = (RowLanes.Load<V, T>(kept + u, n), RowLanes.Load<V, T>(kept + units + u, n));
            var candidate = RowLanes.Load<V, T>(kept + 2 * units + u, n);
            var own = RowLanes.Load<V, T>(kept + 3 * units + u, n);
            var dh = RowLanes.Load<V, T>(gradHy + u, n);
            var dn = dh * (one - z);
            var dz = dh * (RowLanes.Load<V, T>(hx + u, n) - candidate);
            if (more != null)
            {
                dz += RowLanes.Load<V, T>(more + units + u, n);
                dn += RowLanes.Load<V, T>(more + 2 * units + u, n);
            }
            dn *= one - candidate * candidate;
            var (dr, dOwn) = (dn * own, dn * r);
            if (more != null)
            {
                dr += RowLanes.Load<V, T>(more + u, n);
                dOwn += RowLanes.Load<V, T>(more + 3 * units + u, n);
            }
            dr *= r * (one - r);
            dz *= z * (one - z);
            RowLanes.Store(dr, input + u, n);
            RowLanes.Store(dr, hidden + u, n);
            RowLanes.Store(dz, input + units + u, n);
            RowLanes.Store(dz, hidden + units + u, n);
            RowLanes.Store(dn, input + 2 * units + u, n);
            RowLanes.Store(dOwn, hidden + 2 * units + u, n);
            RowLanes.Store(dh * z, gradHx + u, n);
        }
    }
}
