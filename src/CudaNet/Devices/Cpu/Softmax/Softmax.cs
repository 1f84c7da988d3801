using System.Numerics;
using System.Runtime.CompilerServices;

namespace CudaNet;

/// <summary>
/// Softmax, its logarithm and their backwards: a sum of terms over a slice, and a result for each element from that sum. Slices that are
/// dense are taken one by one; others side by side, as they lie in memory.
/// </summary>
internal static unsafe class CpuSoftmax
{
    public static void Forward(in OpCall call) => VectorKernel.Run<Kernel<SoftmaxRule>>(call);

    public static void LogForward(in OpCall call) => VectorKernel.Run<Kernel<LogSoftmaxRule>>(call);

    public static void Backward(in OpCall call) => VectorKernel.Run<Kernel<SoftmaxBackwardRule>>(call);

    public static void LogBackward(in OpCall call) => VectorKernel.Run<Kernel<LogSoftmaxBackwardRule>>(call);

    /// <summary>One op of the family. <c>x</c> is the input or its gradient, <c>other</c> the second input if there is one.</summary>
    private interface IRule
    {
        /// <summary>Whether the largest element is needed; otherwise it is 0.</summary>
        static abstract bool UsesMax { get; }

        /// <summary>Whether the terms are kept in the output, where <see cref="Finish"/> finds them as its x.</summary>
        static abstract bool KeepsTerms { get; }

        static abstract V Term<V, T>(V x, V other, V max)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, INumber<T>;

        /// <summary>What <see cref="Finish"/> needs of the sum.</summary>
        static abstract V Total<V, T>(V sum)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, INumber<T>;

        static abstract V Finish<V, T>(V x, V other, V max, V total)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, INumber<T>;
    }

    private readonly struct SoftmaxRule : IRule
    {
        public static bool UsesMax => true;

        public static bool KeepsTerms => true;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Term<V, T>(V x, V other, V max)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, INumber<T> => ElementwiseMath.Exp<V, T>(x - max);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Total<V, T>(V sum)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, INumber<T> => V.Create(T.One) / sum;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Finish<V, T>(V x, V other, V max, V total)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, INumber<T> => x * total;
    }

    private readonly struct LogSoftmaxRule : IRule
    {
        public static bool UsesMax => true;

        public static bool KeepsTerms => false;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Term<V, T>(V x, V other, V max)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, INumber<T> => ElementwiseMath.Exp<V, T>(x - max);

        [MethodImpl(MethodImplOptions.NoInlining)] // once for a slice; see LastTerms
        public static V Total<V, T>(V sum)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, INumber<T> => ElementwiseMath.Log<V, T>(sum);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Finish<V, T>(V x, V other, V max, V total)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, INumber<T> => x - max - total;
    }

    private readonly struct SoftmaxBackwardRule : IRule
    {
        public static bool UsesMax => false;

        public static bool KeepsTerms => false;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Term<V, T>(V x, V other, V max)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, INumber<T> => x * other;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Total<V, T>(V sum)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, INumber<T> => sum;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Finish<V, T>(V x, V other, V max, V total)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, INumber<T> => other * (x - total);
    }

    private readonly struct LogSoftmaxBackwardRule : IRule
    {
        public static bool UsesMax => false;

        public static bool KeepsTerms => false;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Term<V, T>(V x, V other, V max)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, INumber<T> => x;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Total<V, T>(V sum)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, INumber<T> => sum;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Finish<V, T>(V x, V other, V max, V total)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, INumber<T> => x - ElementwiseMath.Exp<V, T>(other) * total;
    }

    private readonly struct Kernel<TRule> : IVectorKernel
        where TRule : struct, IRule
    {
        private const int TileColumns = 256; // whole lines of each row, and sums that stay in the first-level cache

        public static void Run<V, T>(in OpCall call)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, IFloatingPointIeee754<T>, IMinMaxValue<T>
        {
            var (outer, count, inner) = Slices.Split(call.Input(0).Shape, call.Attributes.Int(0), call.Op.Name);
            var (x, y) = ((nint)call.Input(0).Data, (nint)call.Output(0).Data);
            // Without a second input its place is taken by the first, so that there is something to load.
            var other = call.Inputs.Length > 1 ? (nint)call.Input(1).Data : x;
            if (count == 0)
                return;
            if (inner == 1)
            {
                CpuThreads.For(
                    outer,
                    4 * count,
                    (first, last) =>
                    {
                        for (var at = first * count; at < last * count; at += count)
                            Row<SimdPair<V, T>, T>((T*)x + at, (T*)other + at, (T*)y + at, checked((int)count));
                    }
                );
                return;
            }
            var tiles = (inner + TileColumns - 1) / TileColumns;
            CpuThreads.For(
                outer * tiles,
                4 * count * Math.Min(inner, TileColumns),
                (first, last) =>
                {
                    for (var item = first; item < last; item++)
                    {
                        var (o, tile) = Math.DivRem(item, tiles);
                        var at = o * count * inner + tile * TileColumns;
                        var columns = (int)Math.Min(TileColumns, inner - tile * TileColumns);
                        Columns<SimdPair<V, T>, T>((T*)x + at, (T*)other + at, (T*)y + at, count, inner, columns);
                    }
                }
            );
        }

        /// <summary>One dense slice.</summary>
        private static void Row<V, T>(T* x, T* other, T* y, int n)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, IFloatingPointIeee754<T>, IMinMaxValue<T>
        {
            var (whole, rest) = (n - n % V.Count, n % V.Count);
            var max = V.Create(TRule.UsesMax ? RowMath.Max<V, T>(x, n) : T.Zero);
            var sums = V.Create(T.Zero);
            for (var i = 0; i < whole; i += V.Count)
            {
                var term = TRule.Term<V, T>(V.Load(x + i), V.Load(other + i), max);
                sums += term;
                if (TRule.KeepsTerms)
                    term.Store(y + i);
            }
            var sum = V.Sum(sums);
            if (rest > 0)
                sum += LastTerms(x + whole, other + whole, y + whole, rest, max);
            var total = TRule.Total<V, T>(V.Create(sum));
            var from = TRule.KeepsTerms ? y : x;
            for (var i = 0; i < whole; i += V.Count)
                TRule.Finish<V, T>(V.Load(from + i), V.Load(other + i), max, total).Store(y + i);
            if (rest > 0)
                FinishLast(from + whole, other + whole, y + whole, rest, max, total);
        }

        // The rest of a row stands apart, because the compiler inlines only so much into one method: the loops are to have all of it.
        [SkipLocalsInit]
        [MethodImpl(MethodImplOptions.NoInlining)]
        private static T LastTerms<V, T>(T* x, T* other, T* y, int count, V max)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, IFloatingPointIeee754<T>, IMinMaxValue<T>
        {
            V padded;
            var left = ElementBlocks.LoadPart<V, T>(x, count, &padded);
            var right = ElementBlocks.LoadPart<V, T>(other, count, &padded);
            TRule.Term<V, T>(left, right, max).Store((T*)&padded);
            var sum = T.Zero;
            for (var lane = 0; lane < count; lane++)
            {
                sum += ((T*)&padded)[lane];
                if (TRule.KeepsTerms)
                    y[lane] = ((T*)&padded)[lane];
            }
            return sum;
        }

        [SkipLocalsInit]
        [MethodImpl(MethodImplOptions.NoInlining)]
        private static void FinishLast<V, T>(T* x, T* other, T* y, int count, V max, V total)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, IFloatingPointIeee754<T>, IMinMaxValue<T>
        {
            V padded;
            var left = ElementBlocks.LoadPart<V, T>(x, count, &padded);
            var right = ElementBlocks.LoadPart<V, T>(other, count, &padded);
            ElementBlocks.StorePart<V, T>(TRule.Finish<V, T>(left, right, max, total), y, count, &padded);
        }

        /// <summary>Slices side by side: row after row of memory, with a maximum and a sum for each column.</summary>
        [SkipLocalsInit]
        private static void Columns<V, T>(T* x, T* other, T* y, long count, long step, int columns)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, IFloatingPointIeee754<T>, IMinMaxValue<T>
        {
            var max = stackalloc T[TileColumns];
            var sum = stackalloc T[TileColumns];
            new Span<T>(max, columns).Fill(TRule.UsesMax ? T.NegativeInfinity : T.Zero);
            new Span<T>(sum, columns).Clear();
            for (long row = 0; row < count && TRule.UsesMax; row++)
                LargestOfColumns<V, T>(x + row * step, max, columns);
            for (long row = 0; row < count; row++)
                TermsOfColumns<V, T>(x + row * step, other + row * step, y + row * step, max, sum, columns);
            for (var i = 0; i < columns; i += V.Count)
                Put(sum, i, columns, TRule.Total<V, T>(Get<V, T>(sum, i, columns)));
            var from = TRule.KeepsTerms ? y : x;
            for (long row = 0; row < count; row++)
                FinishColumns<V, T>(from + row * step, other + row * step, y + row * step, max, sum, columns);
        }

        private static void LargestOfColumns<V, T>(T* x, T* max, int columns)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, INumber<T>
        {
            for (var i = 0; i < columns; i += V.Count)
                Put(max, i, columns, V.Max(Get<V, T>(max, i, columns), Get<V, T>(x, i, columns)));
        }

        private static void TermsOfColumns<V, T>(T* x, T* other, T* y, T* max, T* sum, int columns)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, INumber<T>
        {
            for (var i = 0; i < columns; i += V.Count)
            {
                var (left, right) = (Get<V, T>(x, i, columns), Get<V, T>(other, i, columns));
                var term = TRule.Term<V, T>(left, right, Get<V, T>(max, i, columns));
                Put(sum, i, columns, Get<V, T>(sum, i, columns) + term);
                if (TRule.KeepsTerms)
                    Put(y, i, columns, term);
            }
        }

        private static void FinishColumns<V, T>(T* x, T* other, T* y, T* max, T* total, int columns)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, INumber<T>
        {
            for (var i = 0; i < columns; i += V.Count)
            {
                var (left, right) = (Get<V, T>(x, i, columns), Get<V, T>(other, i, columns));
                var (m, t) = (Get<V, T>(max, i, columns), Get<V, T>(total, i, columns));
                Put(y, i, columns, TRule.Finish<V, T>(left, right, m, t));
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static V Get<V, T>(T* line, int i, int columns)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, INumber<T> =>
            i <= columns - V.Count ? V.Load(line + i) : GetPart<V, T>(line + i, columns - i);

        [SkipLocalsInit]
        [MethodImpl(MethodImplOptions.NoInlining)]
        private static V GetPart<V, T>(T* line, int count)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, INumber<T>
        {
            V padded;
            return ElementBlocks.LoadPart<V, T>(line, count, &padded);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void Put<V, T>(T* line, int i, int columns, V value)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, INumber<T>
        {
            if (i <= columns - V.Count)
                value.Store(line + i);
            else
                PutPart(line + i, columns - i, value);
        }

        [SkipLocalsInit]
        [MethodImpl(MethodImplOptions.NoInlining)]
        private static void PutPart<V, T>(T* line, int count, V value)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, INumber<T>
        {
            V padded;
            ElementBlocks.StorePart<V, T>(value, line, count, &padded);
        }
    }
}
