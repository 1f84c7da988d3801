using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace CudaNet;

/// <summary>The binary cross entropy and its gradient: blocks of elements, whose sums are added up in order.</summary>
internal static unsafe class CpuBceWithLogits
{
    private const int BlockSize = 2048;
    private const int Cost = 8; // of an element, in additions

    public static void Forward(in OpCall call)
    {
        switch (call.Input(0).DType)
        {
            case DType.Float32:
                Forward<float>(call);
                break;
            case DType.Float64:
                Forward<double>(call);
                break;
            default:
                ReferenceRunner.Run(call);
                break;
        }
    }

    public static void Backward(in OpCall call)
    {
        switch (call.Input(1).DType)
        {
            case DType.Float32:
                Backward<float>(call);
                break;
            case DType.Float64:
                Backward<double>(call);
                break;
            default:
                ReferenceRunner.Run(call);
                break;
        }
    }

    private static void Forward<T>(in OpCall call)
        where T : unmanaged, INumber<T>
    {
        var reduction = (Reduction)call.Attributes.Int(0);
        using var frame = Lifetime.Frame();
        var losses = new Elements<T>(call, 0);
        var y = (nint)call.Output(0).Data;
        if (reduction == Reduction.None)
        {
            CpuThreads.For(losses.Count, Cost, (first, last) => losses.Losses((T*)y + first, first, last));
            return;
        }
        var sums = new double[(losses.Count + BlockSize - 1) / BlockSize];
        CpuThreads.For(
            sums.Length,
            Cost * BlockSize,
            (from, to) =>
            {
                var buffer = stackalloc T[BlockSize];
                for (var block = from; block < to; block++)
                {
                    var (first, last) = (block * BlockSize, Math.Min((block + 1) * BlockSize, losses.Count));
                    losses.Losses(buffer, first, last);
                    for (var i = 0; i < last - first; i++)
                        sums[block] += double.CreateTruncating(buffer[i]);
                }
            }
        );
        double total = 0;
        foreach (var sum in sums)
            total += sum;
        *(T*)y = T.CreateTruncating(reduction == Reduction.Mean ? total / losses.Count : total);
    }

    private static void Backward<T>(in OpCall call)
        where T : unmanaged, INumber<T>
    {
        var reduction = (Reduction)call.Attributes.Int(0);
        using var frame = Lifetime.Frame();
        var elements = new Elements<T>(call, 1);
        var (g, gx) = ((nint)call.Input(0).Data, (nint)call.Output(0).Data);
        var step = reduction == Reduction.None ? 1 : 0;
        var scale = reduction == Reduction.Mean ? 1.0 / elements.Count : 1;
        CpuThreads.For(
            elements.Count,
            Cost,
            (first, last) => elements.Slopes((T*)g + step * first, step, scale, (T*)gx + first, first, last)
        );
    }

    /// <summary>Logits, targets and weights, all dense; weights that broadcast have been spread out.</summary>
    private sealed class Elements<T>
        where T : unmanaged, INumber<T>
    {
        private readonly nint _input;
        private readonly nint _target;
        private readonly Tensor? _weight;
        private readonly Tensor? _positive;

        public Elements(in OpCall call, int input)
        {
            var shape = call.Input(input).Shape;
            Count = shape.NumElements;
            _input = (nint)call.Input(input).Data;
            _target = (nint)call.Input(input + 1).Data;
            _weight = Spread(call, input + 2, shape);
            _positive = Spread(call, input + 3, shape);
        }

        public long Count { get; }

        private static Tensor? Spread(in OpCall call, int index, Shape shape)
        {
            if (!call.Has(index))
                return null;
            using var noGrad = Autograd.NoGrad();
            return ReferenceRunner.Expand(call.Input(index), shape).Contiguous();
        }

        public void Losses(T* y, long first, long last)
        {
            if (Vector512.IsHardwareAccelerated)
                Losses<Simd512<T>>(y, first, last);
            else
                Losses<SimdAny<T>>(y, first, last);
        }

        private void Losses<V>(T* y, long first, long last)
            where V : unmanaged, ISimd<V, T>
        {
            var i = first;
            for (; i <= last - V.Count; i += V.Count)
                Loss(V.Load((T*)_input + i), V.Load((T*)_target + i), i, V.Count).Store(y + (i - first));
            if (i < last)
                LastLosses<V>(y + (i - first), i, (int)(last - i));
        }

        private void LastLosses<V>(T* y, long i, int count)
            where V : unmanaged, ISimd<V, T> =>
            Store(Loss(Load<V>((T*)_input + i, count), Load<V>((T*)_target + i, count), i, count), y, count);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private V Loss<V>(V x, V target, long i, int count)
            where V : unmanaged, ISimd<V, T>
        {
            var zero = V.Create(T.Zero);
            var rest = SpecialMath.Log1PExpNegative<V, T>(V.Abs(x));
            var onTarget = target * (V.Max(zero, -x) + rest);
            if (_positive is not null)
                onTarget *= Load<V>((T*)_positive.Data + i, count);
            var loss = V.MultiplyAdd(V.Create(T.One) - target, V.Max(zero, x) + rest, onTarget);
            return _weight is null ? loss : loss * Load<V>((T*)_weight.Data + i, count);
        }

        public void Slopes(T* g, int step, double scale, T* gx, long first, long last)
        {
            if (Vector512.IsHardwareAccelerated)
                Slopes<Simd512<T>>(g, step, scale, gx, first, last);
            else
                Slopes<SimdAny<T>>(g, step, scale, gx, first, last);
        }

        private void Slopes<V>(T* g, int step, double scale, T* gx, long first, long last)
            where V : unmanaged, ISimd<V, T>
        {
            var factor = V.Create(T.CreateTruncating(scale));
            for (var i = first; i < last; i += V.Count)
            {
                var count = (int)Math.Min(V.Count, last - i);
                var slope = Slope(Load<V>((T*)_input + i, count), Load<V>((T*)_target + i, count), i, count);
                var gradient = step == 0 ? V.Create(*g) : Load<V>(g + (i - first), count);
                Store(gradient * factor * slope, gx + (i - first), count);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private V Slope<V>(V x, V target, long i, int count)
            where V : unmanaged, ISimd<V, T>
        {
            var one = V.Create(T.One);
            var e = ElementwiseMath.Exp<V, T>(-V.Abs(x));
            var near = one / (one + e);
            var isNegative = V.LessThan(x, V.Create(T.Zero));
            var onTarget = target * V.Select(isNegative, near, e * near);
            if (_positive is not null)
                onTarget *= Load<V>((T*)_positive.Data + i, count);
            var slope = (one - target) * V.Select(isNegative, e * near, near) - onTarget;
            return _weight is null ? slope : slope * Load<V>((T*)_weight.Data + i, count);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static V Load<V>(T* source, int count)
            where V : unmanaged, ISimd<V, T> => count == V.Count ? V.Load(source) : LoadLast<V>(source, count);

        [MethodImpl(MethodImplOptions.NoInlining)]
        private static V LoadLast<V>(T* source, int count)
            where V : unmanaged, ISimd<V, T>
        {
            V padded;
            return ElementBlocks.LoadPart<V, T>(source, count, &padded);
        }

        private static void Store<V>(V value, T* target, int count)
            where V : unmanaged, ISimd<V, T>
        {
            if (count == V.Count)
            {
                value.Store(target);
                return;
            }
            V padded;
            ElementBlocks.StorePart<V, T>(value, target, count, &padded);
        }
    }
}
