using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace CudaNet;

/// <summary>Coupling layers on the CPU: a sample at a time, its log-determinant in the same pass.</summary>
internal static unsafe class CpuAffineCoupling
{
    public static void Forward(in OpCall call) => VectorKernel.Run<ForwardKernel>(call);

    public static void Backward(in OpCall call) => VectorKernel.Run<BackwardKernel>(call);

    /// <summary>s = b · tanh(raw / b), or raw where b is 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Scale<V, T>(V raw, T bound)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T> =>
        bound == T.Zero ? raw : V.Create(bound) * ElementwiseMath.Tanh<V, T>(raw * V.Create(T.One / bound));

    /// <summary>A register of a row, or what is left of it, padded with its first element.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Load<V, T>(T* x, int count)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T>
    {
        if (count >= V.Count)
            return V.Load(x);
        V padded;
        return ElementBlocks.LoadPart<V, T>(x, count, &padded);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store<V, T>(V value, T* y, int count)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T>
    {
        V padded;
        if (count >= V.Count)
            value.Store(y);
        else
            ElementBlocks.StorePart<V, T>(value, y, count, &padded);
    }

    /// <summary>The mask of elements that pass unchanged; what is beyond the row passes as well, and so adds nothing to sums.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Passing<V, T>(byte* mask, int count)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T>
    {
        if (count < V.Count)
            return PassingPart<V, T>(mask, count);
        return mask == null ? V.LessThan(V.Create(T.One), V.Create(T.Zero)) : V.LoadMask(mask);
    }

    [MethodImpl(MethodImplOptions.NoInlining)] // for the rest of a row, so that loops stay short
    private static V PassingPart<V, T>(byte* mask, int count)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T>
    {
        var bytes = stackalloc byte[V.Count];
        for (var lane = 0; lane < V.Count; lane++)
            bytes[lane] = lane >= count || (mask != null && mask[lane] != 0) ? (byte)1 : (byte)0;
        return V.LoadMask(bytes);
    }

    private readonly struct ForwardKernel : IVectorKernel
    {
        public static void Run<V, T>(in OpCall call)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, IFloatingPointIeee754<T>, IMinMaxValue<T>
        {
            var (input, shift) = (new SampleRows<T>(call.Input(0)), new SampleRows<T>(call.Input(2)));
            var isAffine = call.Has(1);
            var logScale = isAffine ? new SampleRows<T>(call.Input(1)) : input;
            var isMasked = call.Has(3);
            var masks = isMasked ? new SampleRows<byte>(call.Input(3), batchAxes: 0) : default;
            var (bound, inverse) = (T.CreateTruncating(call.Attributes.Float(0)), call.Attributes.Bool(1));
            var (y, sums) = ((nint)call.Output(0).Data, isAffine ? (nint)call.Output(1).Data : 0);
            var n = input.Length;
            CpuThreads.For(
                call.Input(0).Shape[0],
                16L * n,
                (first, last) =>
                {
                    var xLine = input.NewLine();
                    var sLine = logScale.NewLine();
                    var tLine = shift.NewLine();
                    var maskLine = isMasked ? masks.NewLine() : null;
                    var mask = isMasked ? masks.Row(0, maskLine) : null;
                    for (var row = first; row < last; row++)
                    {
                        var sum = Row<V, T>(
                            input.Row(row, xLine),
                            isAffine ? logScale.Row(row, sLine) : null,
                            shift.Row(row, tLine),
                            mask,
                            (T*)y + row * n,
                            n,
                            bound,
                            inverse
                        );
                        if (sums != 0)
                            ((T*)sums)[row] = inverse ? -sum : sum;
                    }
                    NativeMemory.Free(xLine);
                    NativeMemory.Free(sLine);
                    NativeMemory.Free(tLine);
                    NativeMemory.Free(maskLine);
                }
            );
        }

        [SkipLocalsInit]
        private static T Row<V, T>(T* x, T* raw, T* shift, byte* mask, T* y, int n, T bound, bool inverse)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, INumber<T>
        {
            var zero = V.Create(T.Zero);
            var sums = zero;
            for (var i = 0; i < n; i += V.Count)
            {
                var count = n - i;
                var (value, t) = (Load<V, T>(x + i, count), Load<V, T>(shift + i, count));
                var passing = Passing<V, T>(mask == null ? null : mask + i, count);
                V moved;
                if (raw == null)
                {
                    moved = inverse ? value - t : value + t;
                }
                else
                {
                    var s = Scale<V, T>(Load<V, T>(raw + i, count), bound);
                    sums += V.Select(passing, zero, s);
                    moved = inverse
                        ? (value - t) * ElementwiseMath.Exp<V, T>(-s)
                        : V.MultiplyAdd(value, ElementwiseMath.Exp<V, T>(s), t);
                }
                Store(V.Select(passing, value, moved), y + i, count);
            }
            return V.Sum(sums);
        }
    }

    private readonly struct BackwardKernel : IVectorKernel
    {
        public static void Run<V, T>(in OpCall call)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, IFloatingPointIeee754<T>, IMinMaxValue<T>
        {
            var (gradient, input) = (new SampleRows<T>(call.Input(0)), new SampleRows<T>(call.Input(1)));
            var (logScale, shift) = (new SampleRows<T>(call.Input(2)), new SampleRows<T>(call.Input(3)));
            var isMasked = call.Has(5);
            var masks = isMasked ? new SampleRows<byte>(call.Input(5), batchAxes: 0) : default;
            var (sums, step) = ((nint)call.Input(4).Data, call.Input(4).Strides[0]);
            var (bound, inverse) = (T.CreateTruncating(call.Attributes.Float(0)), call.Attributes.Bool(1));
            var (gx, gs, gt) = ((nint)call.Output(0).Data, (nint)call.Output(1).Data, (nint)call.Output(2).Data);
            var n = input.Length;
            CpuThreads.For(
                call.Input(0).Shape[0],
                20L * n,
                (first, last) =>
                {
                    var gLine = gradient.NewLine();
                    var xLine = input.NewLine();
                    var sLine = logScale.NewLine();
                    var tLine = shift.NewLine();
                    var maskLine = isMasked ? masks.NewLine() : null;
                    var mask = isMasked ? masks.Row(0, maskLine) : null;
                    for (var row = first; row < last; row++)
                        Row<V, T>(
                            gradient.Row(row, gLine),
                            input.Row(row, xLine),
                            logScale.Row(row, sLine),
                            shift.Row(row, tLine),
                            mask,
                            ((T*)sums)[row * step],
                            new((T*)gx + row * n, (T*)gs + row * n, (T*)gt + row * n),
                            n,
                            bound,
                            inverse
                        );
                    NativeMemory.Free(gLine);
                    NativeMemory.Free(xLine);
                    NativeMemory.Free(sLine);
                    NativeMemory.Free(tLine);
                    NativeMemory.Free(maskLine);
                }
            );
        }

        [SkipLocalsInit]
        private static void Row<V, T>(
            T* g,
            T* x,
            T* raw,
            T* shift,
            byte* mask,
            T ofSum,
            Gradients<T> gradients,
            int n,
            T bound,
            bool inverse
        )
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, INumber<T>
        {
            var (zero, one, logDet) = (V.Create(T.Zero), V.Create(T.One), V.Create(ofSum));
            for (var i = 0; i < n; i += V.Count)
            {
                var count = n - i;
                var gradient = Load<V, T>(g + i, count);
                var value = Load<V, T>(x + i, count);
                var s = Scale<V, T>(Load<V, T>(raw + i, count), bound);
                var passing = Passing<V, T>(mask == null ? null : mask + i, count);
                var moved = gradient * ElementwiseMath.Exp<V, T>(inverse ? -s : s);
                if (inverse)
                    value -= Load<V, T>(shift + i, count);
                var sum = V.MultiplyAdd(moved, value, logDet);
                if (bound != T.Zero)
                {
                    var th = s * V.Create(T.One / bound);
                    sum *= one - th * th;
                }
                Store(V.Select(passing, gradient, moved), gradients.Input + i, count);
                Store(V.Select(passing, zero, inverse ? -sum : sum), gradients.LogScale + i, count);
                Store(V.Select(passing, zero, inverse ? -moved : gradient), gradients.Shift + i, count);
            }
        }
    }

    private readonly struct Gradients<T>(T* input, T* logScale, T* shift)
        where T : unmanaged
    {
        public readonly T* Input = input;
        public readonly T* LogScale = logScale;
        public readonly T* Shift = shift;
    }
}
