using System.Numerics;
using System.Runtime.CompilerServices;

namespace CudaNet;

/// <summary>Vectorised cells of plain recurrent layers over sequences.</summary>
internal static unsafe class CpuRnn
{
    public static void Sequence(in OpCall call) => VectorKernel.Run<SequenceKernel>(call);

    public static void SequenceBackward(in OpCall call) => VectorKernel.Run<SequenceBackwardKernel>(call);

    private readonly struct SequenceKernel : IVectorKernel
    {
        public static void Run<V, T>(in OpCall call)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, IFloatingPointIeee754<T>, IMinMaxValue<T> =>
            CpuSequences.Forward<V, T, ForwardCell<T>>(call, 2, new(RnnSequenceOp.IsRelu(call.Attributes)));
    }

    private readonly struct SequenceBackwardKernel : IVectorKernel
    {
        public static void Run<V, T>(in OpCall call)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, IFloatingPointIeee754<T>, IMinMaxValue<T> =>
            CpuSequences.Backward<V, T, BackwardCell<T>>(
                call,
                2,
                call.Output(0),
                call.Output(1),
                new(RnnSequenceOp.IsRelu(call.Attributes), (nint)call.Input(4).Data)
            );
    }

    private readonly struct ForwardCell<T>(bool relu) : IForwardCell<T>
        where T : unmanaged, INumber<T>
    {
        public static int Gates => 1;

        public void Start(long b, int units) { }

        [SkipLocalsInit]
        public void Step<V>(in CellPlace place, T* x, T* hidden, T* before, T* h)
            where V : unmanaged, ISimd<V, T>
        {
            var zero = V.Create(T.Zero);
            for (var u = 0; u < place.Units; u += V.Count)
            {
                var n = place.Units - u;
                var sum = RowLanes.Load<V, T>(x + u, n) + RowLanes.Load<V, T>(hidden + u, n);
                var y = relu ? V.Select(V.LessThan(sum, zero), zero, sum) : ElementwiseMath.Tanh<V, T>(sum);
                RowLanes.Store(y, h + u, n);
            }
        }

        public void Idle(in CellPlace place) { }
    }

    private readonly struct BackwardCell<T>(bool relu, nint output) : IBackwardCell<T>
        where T : unmanaged, INumber<T>
    {
        public static int Gates => 1;

        public void Start(long b, int units) { }

        [SkipLocalsInit]
        public void Step<V>(in CellPlace place, T* dh, T* gates)
            where V : unmanaged, ISimd<V, T>
        {
            var (zero, one) = (V.Create(T.Zero), V.Create(T.One));
            var y = (T*)output + place.Row * place.Units;
            for (var u = 0; u < place.Units; u += V.Count)
            {
                var n = place.Units - u;
                var (h, gradient) = (RowLanes.Load<V, T>(y + u, n), RowLanes.Load<V, T>(dh + u, n));
                var d = relu ? V.Select(V.LessThan(zero, h), gradient, zero) : gradient * (one - h * h);
                RowLanes.Store(d, gates + u, n);
            }
            new Span<T>(dh, place.Units).Clear();
        }

        public void Idle(in CellPlace place) { }
    }
}
