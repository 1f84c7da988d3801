using System.Numerics;
using System.Runtime.CompilerServices;

namespace CudaNet;

/// <summary>
/// Convolution with 3×3 kernels by Winograd's F(2×2, 3×3) (Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, 2016): each
/// tile of 2×2 results takes 16 products for each pair of channels instead of 36. Y = Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A, where the products of all tiles
/// and channels are 16 matrix products. The factors of the transforms are 0, ±1 and ½, so small whole numbers stay exact.
/// </summary>
internal static unsafe class ConvWinograd<TSimd, V, T>
    where TSimd : struct, IGemmVector<T, V>
    where V : struct
    where T : unmanaged, INumber<T>
{
    private const int FewestChannels = 32; // with fewer, the transforms cost more than the products that they save
    private const double LeastUsed = 0.7; // of the positions that whole tiles and vectors of them have
    private const int Points = 16;

    private static int Width => GemmKernel<TSimd, V, T>.Columns;

    /// <summary>Tiles that are transformed before they are multiplied: their transforms stay in the L2 cache.</summary>
    private static int TilesAtATime => 4 * Width;

    /// <summary>Elements from the lines of a point to those of the next: an odd number of cache lines, so that the points of a tile do not
    /// fall into one set of the L1 cache.</summary>
    private static nint Step(nint lines) => lines * TilesAtATime + Width;

    public static bool Serves(ConvGeometry geometry, bool backward)
    {
        if (Math.Min(geometry.ChannelsIn, geometry.ChannelsOut) < FewestChannels)
            return false;
        for (var axis = 0; axis < 2; axis++)
            if (
                geometry.Weight[axis + 2] != 3
                || geometry.Stride(axis) != 1
                || geometry.Dilation(axis) != 1
                || geometry.Padding(axis) > 2
            )
                return false;
        var to = backward ? geometry.Input : geometry.Output;
        var tiles = ConvLayout.Ceiling(Tiles((nint)to[2], (nint)to[3], LayoutOf(geometry, backward)), Width) * Width;
        return ConvGeometry.Spatial(to) >= LeastUsed * 4 * tiles;
    }

    private static ConvLayout LayoutOf(ConvGeometry geometry, bool backward)
    {
        var (from, to) = backward ? (geometry.Output, geometry.Input) : (geometry.Input, geometry.Output);
        return new((nint)from[1], Axis(0), Axis(1));

        ConvAxis Axis(int axis)
        {
            var padding = (nint)geometry.Padding(axis);
            var tiles = ConvLayout.Ceiling((nint)to[axis + 2], 2);
            return new((nint)from[axis + 2], backward ? 2 - padding : padding, 2 * tiles + 1, 2, tiles);
        }
    }

    /// <summary>Tiles from the first to the last of an image; a row of them is as long as the layout's.</summary>
    private static nint Tiles(nint rows, nint columns, in ConvLayout layout) =>
        (ConvLayout.Ceiling(rows, 2) - 1) * layout.Pitch + ConvLayout.Ceiling(columns, 2);

    /// <summary>The forward pass, or the gradient of the input: the same with flipped kernels and the padding that is left of 2.</summary>
    public static void Run(ConvGeometry geometry, bool backward, T* source, T* weight, T* bias, T* result)
    {
        var (from, to) = backward ? (geometry.Output, geometry.Input) : (geometry.Input, geometry.Output);
        var layout = LayoutOf(geometry, backward);
        var (images, groups) = ((nint)from[0], (nint)geometry.Groups);
        var most = CpuConv<TSimd, V, T>.AtATime(images, layout.Image);
        var kernels = (nint)geometry.Weight.NumElements / 9 * Points;
        var room = CpuConv<TSimd, V, T>.Room(Points * sizeof(nint) + (kernels + most * layout.Image) * sizeof(T));
        var problem = new Problem
        {
            Groups = groups,
            M = (nint)to[1] / groups,
            K = (nint)from[1] / groups,
            Offsets = CpuConv<TSimd, V, T>.Take<nint>(ref room, Points),
            Kernels = CpuConv<TSimd, V, T>.Take<T>(ref room, kernels),
            Images = CpuConv<TSimd, V, T>.Take<T>(ref room, most * layout.Image),
            Layout = layout,
            Bias = bias,
            Rows = (nint)to[2],
            Columns = (nint)to[3],
        };
        for (nint point = 0; point < Points; point++)
            problem.Offsets[point] = layout.Offset(point / 4, point % 4);
        PackKernels(problem, weight, backward);
        var parallel = geometry.Products >= Gemm.ParallelWork;
        for (nint image = 0; image < images; image += most)
        {
            var count = Math.Min(most, images - image);
            CpuConv<TSimd, V, T>.LayOut(layout, from, source, image, count, problem.Images, parallel);
            problem.Result = result + image * (nint)(to.NumElements / images);
            RunImages(problem, count, parallel);
        }
    }

    private static void RunImages(Problem problem, nint count, bool parallel)
    {
        var tasks = count * problem.Groups * problem.Blocks;
        if (parallel)
            CpuThreads.For(
                tasks,
                Math.Max(1, problem.M * problem.K * Points * TilesAtATime / 8),
                (first, last) => problem.Run((nint)first, (nint)last)
            );
        else
            problem.Run(0, tasks);
    }

    /// <summary>G g Gᵀ of every kernel, for each of the 16 points as the rows of a matrix product: (group, point, panel, k, row).</summary>
    private static void PackKernels(in Problem p, T* weight, bool backward)
    {
        var (rowStep, channelStep) = backward ? ((nint)9, p.M * 9) : (p.K * 9, (nint)9);
        var panels = ConvLayout.Ceiling(p.M, GemmKernel<TSimd, V, T>.Rows);
        var transformed = stackalloc T[Points];
        for (nint group = 0; group < p.Groups; group++)
        for (nint panel = 0; panel < panels; panel++)
        {
            var (first, last) = (p.M * panel / panels, p.M * (panel + 1) / panels);
            for (nint k = 0; k < p.K; k++)
            for (var row = first; row < last; row++)
            {
                TransformKernel(
                    weight + group * p.M * p.K * 9 + row * rowStep + k * channelStep,
                    backward,
                    transformed
                );
                var to = p.Kernels + group * Points * p.M * p.K + first * p.K + k * (last - first) + row - first;
                for (var point = 0; point < Points; point++)
                    to[point * p.M * p.K] = transformed[point];
            }
        }
    }

    private static void TransformKernel(T* kernel, bool flipped, T* to)
    {
        var half = T.One / (T.One + T.One);
        var rows = stackalloc T[12];
        for (var x = 0; x < 3; x++)
        {
            var (a, b, c) = (At(x), At(3 + x), At(6 + x));
            (rows[x], rows[3 + x], rows[6 + x], rows[9 + x]) = (a, (a + b + c) * half, (a - b + c) * half, c);
        }
        for (var y = 0; y < 4; y++)
        {
            var (a, b, c) = (rows[3 * y], rows[3 * y + 1], rows[3 * y + 2]);
            (to[4 * y], to[4 * y + 1], to[4 * y + 2], to[4 * y + 3]) = (a, (a + b + c) * half, (a - b + c) * half, c);
        }

        T At(int tap) => kernel[flipped ? 8 - tap : tap];
    }

    private struct Problem
    {
        public nint Groups;
        public nint M;
        public nint K;
        public nint* Offsets;
        public T* Kernels;
        public T* Images;
        public ConvLayout Layout;
        public T* Bias;
        public T* Result;

        /// <summary>Positions of the result.</summary>
        public nint Rows;
        public nint Columns;

        private readonly nint TileColumns => ConvLayout.Ceiling(Columns, 2);

        private readonly nint Tiles => ConvWinograd<TSimd, V, T>.Tiles(Rows, Columns, Layout);

        public readonly nint Blocks => ConvLayout.Ceiling(Tiles, TilesAtATime);

        public readonly void Run(nint firstTask, nint lastTask)
        {
            var products = (T*)GemmBuffers.Left(Points * (Step(M) + Step(K)) * sizeof(T));
            var transformed = products + Points * Step(M);
            for (var task = firstTask; task < lastTask; task++)
            {
                var (image, block) = (task / Blocks, task % Blocks);
                var (n, group) = (image / Groups, image % Groups);
                var first = block * TilesAtATime;
                var count = Math.Min(TilesAtATime, Tiles - first);
                var strips = ConvLayout.Ceiling(count, Width);
                var source = Images + n * Layout.Image + group * K * Layout.Channel + first;
                for (nint k = 0; k < K; k++)
                    TransformTiles(
                        source + k * Layout.Channel,
                        transformed + k * TilesAtATime,
                        Step(K),
                        strips * Width
                    );
                Multiply(Kernels + group * Points * M * K, transformed, products, strips);
                for (nint row = 0; row < M; row++)
                    Write(
                        products + row * TilesAtATime,
                        Bias == null ? null : Bias + group * M + row,
                        first,
                        count,
                        Result + (image * M + row) * Rows * Columns
                    );
            }
        }

        /// <summary>Bᵀ d B for tiles of one channel, into one line for each point.</summary>
        private readonly void TransformTiles(T* source, T* to, nint step, nint count)
        {
            for (nint tile = 0; tile < count; tile += TSimd.Count, source += TSimd.Count, to += TSimd.Count)
            {
                TransformRow(source, Offsets, Offsets + 8, false, to, step);
                TransformRow(source, Offsets + 4, Offsets + 8, true, to + 4 * step, step);
                TransformRow(source, Offsets + 8, Offsets + 4, false, to + 8 * step, step);
                TransformRow(source, Offsets + 4, Offsets + 12, false, to + 12 * step, step);
            }
        }

        private readonly void Multiply(T* kernels, T* transformed, T* products, nint strips)
        {
            var most = GemmKernel<TSimd, V, T>.Rows;
            var panels = ConvLayout.Ceiling(M, most);
            for (nint point = 0; point < Points; point++)
            for (nint strip = 0; strip < strips; strip++)
            for (nint panel = 0; panel < panels; panel++)
            {
                var (first, last) = (M * panel / panels, M * (panel + 1) / panels);
                var rows = (int)(last - first);
                var kernel = (delegate* <nint, byte*, nint, nint, T*, nint, T*, nint, T*, bool, void>)
                    Gemm<TSimd, V, T>.Kernels[most + rows - 1];
                kernel(
                    K,
                    (byte*)(kernels + (point * M + first) * K),
                    sizeof(T),
                    rows * sizeof(T),
                    transformed + point * Step(K) + strip * Width,
                    TilesAtATime,
                    products + point * Step(M) + first * TilesAtATime + strip * Width,
                    TilesAtATime,
                    null,
                    false
                );
            }
        }

        /// <summary>Aᵀ m A for tiles of one channel, and their rows to where they belong.</summary>
        private readonly void Write(T* products, T* bias, nint first, nint count, T* to)
        {
            var lines = stackalloc T[4 * TilesAtATime];
            var step = Step(M);
            var zero = T.Zero;
            var shift = TSimd.Broadcast(bias == null ? &zero : bias);
            for (nint tile = 0; tile < count; tile += TSimd.Count, products += TSimd.Count)
            {
                SumRow(products, 4 * step, step, add: true, shift, lines + 2 * tile);
                SumRow(products + 4 * step, 4 * step, step, add: false, shift, lines + 2 * (TilesAtATime + tile));
            }
            for (nint tile = 0; tile < count; )
            {
                var (row, column) = ((first + tile) / Layout.Pitch, (first + tile) % Layout.Pitch);
                var length = Math.Min(2 * Math.Min(TileColumns - column, count - tile), Columns - 2 * column);
                for (nint y = 0; y < 2 && 2 * row + y < Rows && length > 0; y++)
                    new Span<T>(lines + 2 * (y * TilesAtATime + tile), (int)length).CopyTo(
                        new Span<T>(to + (2 * row + y) * Columns + 2 * column, (int)length)
                    );
                tile += Layout.Pitch - column;
            }
        }
    }

    /// <summary>The difference or sum of two rows of a tile, and from it four points.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void TransformRow(T* tile, nint* x, nint* y, bool add, T* to, nint step)
    {
        var t0 = Join(TSimd.Load(tile + x[0]), TSimd.Load(tile + y[0]), add);
        var t1 = Join(TSimd.Load(tile + x[1]), TSimd.Load(tile + y[1]), add);
        var t2 = Join(TSimd.Load(tile + x[2]), TSimd.Load(tile + y[2]), add);
        var t3 = Join(TSimd.Load(tile + x[3]), TSimd.Load(tile + y[3]), add);
        TSimd.Store(TSimd.Subtract(t0, t2), to);
        TSimd.Store(TSimd.Add(t1, t2), to + step);
        TSimd.Store(TSimd.Subtract(t2, t1), to + 2 * step);
        TSimd.Store(TSimd.Subtract(t1, t3), to + 3 * step);
    }

    /// <summary>One row of results: the sum of three rows of points, or the first less the others, and from it two columns.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void SumRow(T* points, nint row, nint step, bool add, V shift, T* to)
    {
        var c0 = SumColumn(points, row, add);
        var c1 = SumColumn(points + step, row, add);
        var c2 = SumColumn(points + 2 * step, row, add);
        var c3 = SumColumn(points + 3 * step, row, add);
        var left = TSimd.Add(shift, TSimd.Add(TSimd.Add(c0, c1), c2));
        var right = TSimd.Add(shift, TSimd.Subtract(TSimd.Subtract(c1, c2), c3));
        TSimd.StoreInTurn(left, right, to);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V SumColumn(T* points, nint row, bool add) =>
        Join(Join(TSimd.Load(points), TSimd.Load(points + row), add), TSimd.Load(points + 2 * row), add);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Join(V a, V b, bool add) => add ? TSimd.Add(a, b) : TSimd.Subtract(a, b);
}
