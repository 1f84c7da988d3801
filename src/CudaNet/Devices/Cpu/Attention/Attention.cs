using System.Numerics;

namespace CudaNet;

/// <summary>
/// Attention on the CPU: blocks of queries against blocks of keys, whose scores stay in the inner caches, through the matrix products of
/// <see cref="Gemm"/>. Work is divided by the shape alone, so results do not depend on the number of threads.
/// </summary>
internal static unsafe class CpuAttention
{
    /// <summary>Queries of a block: enough for whole register tiles, few enough that causal blocks skip nearly half of the keys.</summary>
    private const int BlockRows = 64;

    /// <summary>Keys of a block; a multiple of 4 for dropout's counters.</summary>
    private const int BlockKeys = 512;

    public static void Forward(in OpCall call) => Run<ForwardKernel>(call, 0);

    public static void Backward(in OpCall call) => Run<BackwardKernel>(call, 2);

    private static void Run<TKernel>(in OpCall call, int query)
        where TKernel : struct, IVectorKernel
    {
        if (call.Input(query).DType is DType.Float32 or DType.Float64)
            VectorKernel.Run<TKernel>(call, query);
        else
            CpuMatMul.RunConverted(call);
    }

    /// <summary>Elements of a row of scores: whole registers, so that loops over rows have no rest.</summary>
    private static int RowLength<V, T>(long keys)
        where V : unmanaged, ISimd<V, T>
        where T : unmanaged, INumber<T>
    {
        var most = (int)Math.Min(keys, BlockKeys);
        return (most + V.Count - 1) / V.Count * V.Count;
    }

    /// <summary>C = A · B with rows of C <paramref name="cRow"/> apart.</summary>
    private static void Multiply<T>(
        (nint M, nint N, nint K) size,
        (nint Data, nint Row, nint Column) a,
        (nint Data, nint Row, nint Column) b,
        T* c,
        nint cRow
    )
        where T : unmanaged, INumber<T> =>
        Gemm.Run(
            new GemmProblem<T>
            {
                M = size.M,
                N = size.N,
                K = size.K,
                A = (T*)a.Data,
                ARow = a.Row,
                ACol = a.Column,
                B = (T*)b.Data,
                BRow = b.Row,
                BCol = b.Column,
                C = c,
                CRow = cRow,
            },
            parallel: false
        );

    private readonly struct ForwardKernel : IVectorKernel
    {
        public static void Run<V, T>(in OpCall call)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, IFloatingPointIeee754<T>, IMinMaxValue<T>
        {
            var problem = new AttentionProblem<T>(call, 0);
            var shapes = problem.Shapes;
            var (output, lse) = ((nint)call.Output(0).Data, (nint)call.Output(1).Data);
            var blocks = (shapes.Queries + BlockRows - 1) / BlockRows;
            var cost = Math.Min(BlockRows, shapes.Queries) * shapes.Keys * (shapes.Size + shapes.ValueSize) / 8;
            CpuThreads.For(
                shapes.Items * blocks,
                Math.Max(cost, 1),
                (first, last) =>
                {
                    for (var n = first; n < last; n++)
                        Block<SimdPair<V, T>, T>(problem, n / blocks, n % blocks * BlockRows, (T*)output, (T*)lse);
                }
            );
        }

        private static void Block<V, T>(in AttentionProblem<T> problem, long item, long firstQuery, T* output, T* lse)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, IFloatingPointIeee754<T>, IMinMaxValue<T>
        {
            var shapes = problem.Shapes;
            var rows = (int)Math.Min(BlockRows, shapes.Queries - firstQuery);
            var (size, width) = ((nint)shapes.Size, (nint)shapes.ValueSize);
            var length = RowLength<V, T>(shapes.Keys);
            var scores = (T*)GemmBuffers.Around((rows * (length + width + 2) + length) * sizeof(T));
            var part = scores + rows * length;
            var top = part + rows * width;
            var sum = top + rows;
            var factors = sum + rows;
            new Span<T>(top, rows).Fill(T.NegativeInfinity);
            new Span<T>(sum, rows).Clear();
            output += (item * shapes.Queries + firstQuery) * width;
            lse += item * shapes.Queries + firstQuery;
            var end = problem.Seen(item, firstQuery + rows - 1);
            var query = problem.Query.At(item) + firstQuery * problem.Query.Row;
            var key = problem.Key.At(item / shapes.Group);
            var value = problem.Value.At(item / shapes.Group);
            if (end == 0)
                new Span<T>(output, checked((int)(rows * width))).Clear();
            for (long first = 0; first < end; first += BlockKeys)
            {
                var keys = (int)Math.Min(BlockKeys, end - first);
                Multiply(
                    (rows, keys, size),
                    ((nint)query, problem.Query.Row, problem.Query.Column),
                    ((nint)(key + first * problem.Key.Row), problem.Key.Column, problem.Key.Row),
                    scores,
                    length
                );
                for (var r = 0; r < rows; r++)
                {
                    var row = scores + r * length;
                    var seen = (int)Math.Clamp(problem.Seen(item, firstQuery + r) - first, 0, keys);
                    var factor = problem.Score<V>(row, item, firstQuery + r, first, seen);
                    var larger = T.Max(top[r], factor * AttentionRows<V, T>.Largest(row, seen));
                    // While nothing is seen the difference would be NaN; the exponents are then 0 on purpose.
                    var origin = T.IsNegativeInfinity(larger) ? T.Zero : larger;
                    var shrink = first == 0 ? T.Zero : T.Exp(top[r] - origin);
                    sum[r] = sum[r] * shrink + AttentionRows<V, T>.Exponentials(row, factor, origin, seen);
                    top[r] = larger;
                    if (problem.Drops)
                    {
                        problem.Draw(factors, item, firstQuery + r, first, seen);
                        AttentionRows<V, T>.Multiply(row, factors, seen);
                    }
                    new Span<T>(row + seen, keys - seen).Clear();
                    if (first > 0)
                        AttentionRows<V, T>.Scale(output + r * width, shrink, (int)width);
                }
                Multiply(
                    (rows, width, keys),
                    ((nint)scores, length, 1),
                    ((nint)(value + first * problem.Value.Row), problem.Value.Row, problem.Value.Column),
                    first == 0 ? output : part,
                    width
                );
                if (first > 0)
                    AttentionRows<V, T>.Add(output, part, (int)(rows * width));
            }
            for (var r = 0; r < rows; r++)
            {
                AttentionRows<V, T>.Scale(output + r * width, sum[r] == T.Zero ? T.Zero : T.One / sum[r], (int)width);
                lse[r] = top[r] + T.Log(sum[r]); // −∞ − ∞ where nothing is seen
            }
        }
    }

    /// <summary>The matrices of key and value are divided over the cores; each is walked with all queries of the heads that share it, in
    /// order, so that every weight is computed once and every sum has one order.</summary>
    private readonly struct BackwardKernel : IVectorKernel
    {
        public static void Run<V, T>(in OpCall call)
            where V : unmanaged, ISimd<V, T>
            where T : unmanaged, IFloatingPointIeee754<T>, IMinMaxValue<T>
        {
            var gradients = new Gradients<T>(call);
            var shapes = gradients.Problem.Shapes;
            var work = shapes.Group * shapes.Queries * shapes.Keys * (3 * shapes.Size + 2 * shapes.ValueSize) / 8;
            CpuThreads.For(
                shapes.KeyItems,
                Math.Max(work, 1),
                (first, last) =>
                {
                    for (var keyItem = first; keyItem < last; keyItem++)
                        gradients.Run<SimdPair<V, T>>(keyItem);
                }
            );
        }
    }

    private readonly struct Gradients<T>
        where T : unmanaged, IFloatingPointIeee754<T>, IMinMaxValue<T>
    {
        public readonly AttentionProblem<T> Problem;
        private readonly AttentionOperand<T> _gradient;
        private readonly AttentionOperand<T> _output;
        private readonly T* _gradLse;
        private readonly T* _lse;
        private readonly T* _gradQuery;
        private readonly T* _gradKey;
        private readonly T* _gradValue;

        public Gradients(in OpCall call)
        {
            Problem = new AttentionProblem<T>(call, 2);
            _gradient = new(call.Input(0), call.Input(0).Shape);
            _output = new(call.Input(8), call.Input(8).Shape);
            _gradLse = call.Inputs[1] is { } given ? (T*)given.Data : null;
            _lse = (T*)call.Input(9).Data;
            _gradQuery = (T*)call.Output(0).Data;
            _gradKey = (T*)call.Output(1).Data;
            _gradValue = (T*)call.Output(2).Data;
        }

        public void Run<V>(long keyItem)
            where V : unmanaged, ISimd<V, T>
        {
            var shapes = Problem.Shapes;
            new Span<T>(
                _gradKey + keyItem * shapes.Keys * shapes.Size,
                checked((int)(shapes.Keys * shapes.Size))
            ).Clear();
            new Span<T>(
                _gradValue + keyItem * shapes.Keys * shapes.ValueSize,
                checked((int)(shapes.Keys * shapes.ValueSize))
            ).Clear();
            for (var item = keyItem * shapes.Group; item < (keyItem + 1) * shapes.Group; item++)
            for (long first = 0; first < shapes.Queries; first += BlockRows)
                Block<V>(item, first);
        }

        private void Block<V>(long item, long firstQuery)
            where V : unmanaged, ISimd<V, T>
        {
            var shapes = Problem.Shapes;
            var rows = (int)Math.Min(BlockRows, shapes.Queries - firstQuery);
            var (size, width) = ((nint)shapes.Size, (nint)shapes.ValueSize);
            var length = RowLength<V, T>(shapes.Keys);
            var most = Math.Max(rows, length) * Math.Max(size, width);
            var weights = (T*)GemmBuffers.Around((rows * (2 * length + 1) + length + most) * sizeof(T));
            var slopes = weights + rows * length;
            var factors = slopes + rows * length;
            var part = factors + length;
            var delta = part + most;
            var end = Problem.Seen(item, firstQuery + rows - 1);
            var (query, key, value) = (Problem.Query, Problem.Key, Problem.Value);
            var q = query.At(item) + firstQuery * query.Row;
            var g = _gradient.At(item) + firstQuery * _gradient.Row;
            var gradQuery = _gradQuery + (item * shapes.Queries + firstQuery) * size;
            Deltas(item, firstQuery, rows, g, delta);
            if (end == 0)
                new Span<T>(gradQuery, checked((int)(rows * size))).Clear();
            for (long first = 0; first < end; first += BlockKeys)
            {
                var keys = (int)Math.Min(BlockKeys, end - first);
                var k = key.At(item / shapes.Group) + first * key.Row;
                var v = value.At(item / shapes.Group) + first * value.Row;
                var place = item / shapes.Group * shapes.Keys + first;
                Multiply(
                    (rows, keys, size),
                    ((nint)q, query.Row, query.Column),
                    ((nint)k, key.Column, key.Row),
                    weights,
                    length
                );
                Multiply(
                    (rows, keys, width),
                    ((nint)g, _gradient.Row, _gradient.Column),
                    ((nint)v, value.Column, value.Row),
                    slopes,
                    length
                );
                for (var r = 0; r < rows; r++)
                    Row<V>(
                        item,
                        firstQuery + r,
                        first,
                        keys,
                        weights + r * length,
                        slopes + r * length,
                        factors,
                        delta[r]
                    );
                Multiply(
                    (keys, width, rows),
                    ((nint)weights, 1, length),
                    ((nint)g, _gradient.Row, _gradient.Column),
                    part,
                    width
                );
                AttentionRows<V, T>.Add(_gradValue + place * width, part, (int)(keys * width));
                Multiply((keys, size, rows), ((nint)slopes, 1, length), ((nint)q, query.Row, query.Column), part, size);
                AttentionRows<V, T>.Add(_gradKey + place * size, part, (int)(keys * size));
                Multiply(
                    (rows, size, keys),
                    ((nint)slopes, length, 1),
                    ((nint)k, key.Row, key.Column),
                    first == 0 ? gradQuery : part,
                    size
                );
                if (first > 0)
                    AttentionRows<V, T>.Add(gradQuery, part, (int)(rows * size));
            }
        }

        /// <summary>Σ_e grad_output · output − grad_logsumexp of each row.</summary>
        private void Deltas(long item, long firstQuery, int rows, T* gradient, T* delta)
        {
            var output = _output.At(item) + firstQuery * _output.Row;
            for (var r = 0; r < rows; r++)
            {
                var sum = T.Zero;
                for (nint e = 0; e < Problem.Shapes.ValueSize; e++)
                    sum +=
                        gradient[r * _gradient.Row + e * _gradient.Column]
                        * output[r * _output.Row + e * _output.Column];
                delta[r] = _gradLse == null ? sum : sum - _gradLse[item * Problem.Shapes.Queries + firstQuery + r];
            }
        }

        /// <summary>From the two kinds of inner product to the weights, with dropout, and the slopes of the scores times the scale.</summary>
        private void Row<V>(long item, long query, long first, int keys, T* weights, T* slopes, T* factors, T delta)
            where V : unmanaged, ISimd<V, T>
        {
            var lse = _lse[item * Problem.Shapes.Queries + query];
            var seen = T.IsNegativeInfinity(lse) ? 0 : (int)Math.Clamp(Problem.Seen(item, query) - first, 0, keys);
            var factor = Problem.Score<V>(weights, item, query, first, seen);
            AttentionRows<V, T>.Exponentials(weights, factor, lse, seen);
            if (Problem.Drops)
            {
                Problem.Draw(factors, item, query, first, seen);
                AttentionRows<V, T>.Multiply(slopes, factors, seen);
            }
            AttentionRows<V, T>.Slopes(weights, slopes, delta, Problem.Scale, seen);
            if (Problem.Drops)
                AttentionRows<V, T>.Multiply(weights, factors, seen);
            new Span<T>(weights + seen, keys - seen).Clear();
            new Span<T>(slopes + seen, keys - seen).Clear();
        }
    }
}
