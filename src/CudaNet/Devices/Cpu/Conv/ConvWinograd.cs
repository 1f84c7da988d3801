using System.Numerics;
using System.Runtime.CompilerServices;

namespace CudaNet;

/// <summary>
/// Convolution with 3×3 kernels by Winograd's F(4×4, 3×3) (Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, 2016): each
/// tile of 4×4 results takes 36 products for each pair of channels instead of 144. Y = Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A, where the products of all
/// tiles and channels are 36 matrix products. An Inf or NaN of the input becomes NaN in every result of the tiles that read it.
/// </summary>
internal static unsafe class ConvWinograd<TSimd, V, T>
    where TSimd : struct, IGemmVector<T, V>
    where V : unmanaged
    where T : unmanaged, INumber<T>
{
    private const int FewestForTwoZeros = 32; // products of a result for which a corner that meets one tap in nine stays exact enough
    private const int Side = WinogradPoints.Side;
    private const int Read = WinogradPoints.Read;
    private const int Points = WinogradPoints.Count;

    private static int Width => GemmKernel<TSimd, V, T>.Columns;

    /// <summary>Tiles that are transformed before they are multiplied: their transforms stay in the L2 cache.</summary>
    private static int TilesAtATime => 2 * Width;

    /// <summary>Elements from the lines of a point to those of the next: an odd number of cache lines, so that the points of a tile do not
    /// fall into one set of the L1 cache.</summary>
    private static nint Step(nint lines) => lines * TilesAtATime + Width;

    public static bool Serves(ConvGeometry geometry, bool backward)
    {
        if (!WinogradPoints.Serve(geometry))
            return false;
        // Two zeros pad a side.
        var outermost = backward ? 0 : 2;
        var channels = backward ? geometry.ChannelsOut : geometry.ChannelsIn;
        if ((geometry.Padding(0) == outermost || geometry.Padding(1) == outermost) && channels < FewestForTwoZeros)
            return false;
        var to = backward ? geometry.Input : geometry.Output;
        var lines = new ConvTileLines((nint)to[2], (nint)to[3], LayoutOf(geometry, backward), TSimd.Count);
        return WinogradPoints.Fill(to, lines.Tiles((nint)to[0]), TSimd.Count);
    }

    private static ConvLayout LayoutOf(ConvGeometry geometry, bool backward)
    {
        var (from, to) = backward ? (geometry.Output, geometry.Input) : (geometry.Input, geometry.Output);
        return new((nint)from[1], Axis(0), Axis(1));

        ConvAxis Axis(int axis)
        {
            var padding = (nint)geometry.Padding(axis);
            var tiles = ConvLayout.Ceiling((nint)to[axis + 2], Side);
            return new((nint)from[axis + 2], backward ? 2 - padding : padding, Side * tiles + 1, Side, tiles);
        }
    }

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
            Lines = new((nint)to[2], (nint)to[3], layout, TSimd.Count),
            Bias = bias,
            Rows = (nint)to[2],
            Columns = (nint)to[3],
        };
        for (nint point = 0; point < Points; point++)
            problem.Offsets[point] = layout.Offset(point / Read, point % Read);
        var parallel = geometry.Products >= Gemm.ParallelWork;
        PackKernels(problem, weight, backward, parallel);
        for (nint image = 0; image < images; image += most)
        {
            var count = Math.Min(most, images - image);
            CpuConv<TSimd, V, T>.LayOut(layout, from, source, image, count, problem.Images, parallel);
            problem.Tiles = problem.Lines.Tiles(count);
            problem.Result = result + image * (nint)(to.NumElements / images);
            RunImages(problem, parallel);
        }
    }

    private static void RunImages(Problem problem, bool parallel)
    {
        var tasks = problem.Groups * problem.Blocks;
        if (parallel)
            CpuThreads.For(
                tasks,
                Math.Max(1, problem.M * problem.K * Points * TilesAtATime / 8),
                (first, last) => problem.Run((nint)first, (nint)last)
            );
        else
            problem.Run(0, tasks);
    }

    /// <summary>G g Gᵀ of every kernel, for each of the points as the rows of a matrix product: (group, point, panel, k, row).</summary>
    private static void PackKernels(Problem p, T* weight, bool backward, bool parallel)
    {
        var (rowStep, channelStep) = backward ? ((nint)9, p.M * 9) : (p.K * 9, (nint)9);
        var panels = ConvLayout.Ceiling(p.M, GemmKernel<TSimd, V, T>.Rows);
        if (parallel)
            CpuThreads.For(p.Groups * panels, GemmKernel<TSimd, V, T>.Rows * p.K * Points, Pack);
        else
            Pack(0, p.Groups * panels);

        void Pack(long firstTask, long lastTask)
        {
            var transformed = stackalloc T[Points];
            for (var task = (nint)firstTask; task < lastTask; task++)
            {
                var (group, panel) = (task / panels, task % panels);
                var (first, last) = (p.M * panel / panels, p.M * (panel + 1) / panels);
                var from = weight + group * p.M * p.K * 9;
                for (nint k = 0; k < p.K; k++)
                for (var row = first; row < last; row++)
                {
                    TransformKernel(from + row * rowStep + k * channelStep, backward, transformed);
                    var to = p.Kernels + group * Points * p.M * p.K + first * p.K + k * (last - first) + row - first;
                    for (var point = 0; point < Points; point++)
                        to[point * p.M * p.K] = transformed[point];
                }
            }
        }
    }

    /// <summary>G g Gᵀ. In f64, because an error of G would be the same for all channels and add up.</summary>
    private static void TransformKernel(T* kernel, bool flipped, T* to)
    {
        var rows = stackalloc double[3 * Read];
        var columns = stackalloc double[Points];
        for (var x = 0; x < 3; x++)
            WinogradPoints.Kernel(At(x), At(3 + x), At(6 + x), rows + x, 3);
        for (var y = 0; y < Read; y++)
            WinogradPoints.Kernel(rows[3 * y], rows[3 * y + 1], rows[3 * y + 2], columns + Read * y, 1);
        for (var point = 0; point < Points; point++)
            to[point] = T.CreateTruncating(columns[point]);

        double At(int tap) => double.CreateTruncating(kernel[flipped ? 8 - tap : tap]);
    }

    /// <summary>Tiles of a block that lie in one line.</summary>
    private struct Segment
    {
        public nint Tile;
        public nint Length;
        public nint Source;
    }

    /// <summary>Tiles of a block that lie in one row of an image, and what of them belongs to the result.</summary>
    private struct Piece
    {
        public nint Tile;
        public int Columns;
        public nint Rows;
        public nint Target;
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
        public ConvTileLines Lines;
        public T* Bias;
        public T* Result;

        /// <summary>Positions of the result.</summary>
        public nint Rows;
        public nint Columns;

        /// <summary>Tiles of all images that are laid out.</summary>
        public nint Tiles;

        public readonly nint Blocks => ConvLayout.Ceiling(Tiles, TilesAtATime);

        public readonly void Run(nint firstTask, nint lastTask)
        {
            var products = (T*)GemmBuffers.Left(Points * (Step(M) + Step(K)) * sizeof(T));
            var transformed = products + Points * Step(M);
            var segments = stackalloc Segment[TilesAtATime];
            var pieces = stackalloc Piece[TilesAtATime];
            var half = stackalloc V[Points];
            var lines = stackalloc T[Side * Side * TilesAtATime];
            for (var task = firstTask; task < lastTask; task++)
            {
                var (group, block) = (task / Blocks, task % Blocks);
                var first = block * TilesAtATime;
                var count = Math.Min(TilesAtATime, Tiles - first);
                Divide(first, count, segments, out var segmentCount, pieces, out var pieceCount);
                for (nint k = 0; k < K; k++)
                for (var i = 0; i < segmentCount; i++)
                    ConvTiles<TSimd, V, T>.Transform(
                        Images + (group * K + k) * Layout.Channel + segments[i].Source,
                        Offsets,
                        transformed + k * TilesAtATime + segments[i].Tile,
                        Step(K),
                        segments[i].Length,
                        half
                    );
                Multiply(Kernels + group * Points * M * K, transformed, products, count);
                for (nint row = 0; row < M; row++)
                    Write(
                        products + row * TilesAtATime,
                        Bias == null ? null : Bias + group * M + row,
                        count,
                        pieces,
                        pieceCount,
                        half,
                        lines,
                        Result + (group * M + row) * Rows * Columns
                    );
            }
        }

        private readonly void Divide(
            nint first,
            nint count,
            Segment* segments,
            out int segmentCount,
            Piece* pieces,
            out int pieceCount
        )
        {
            (segmentCount, pieceCount) = (0, 0);
            for (nint tile = 0; tile < count; )
            {
                var (image, start, length) = Lines.At(first + tile);
                var segment = new Segment
                {
                    Tile = tile,
                    Length = Math.Min(count - tile, length),
                    Source = image * Layout.Image + start,
                };
                segments[segmentCount++] = segment;
                for (nint i = 0; i < segment.Length; )
                {
                    var (row, column) = ((start + i) / Layout.Pitch * Side, (start + i) % Layout.Pitch * Side);
                    var columns = Math.Min(Side * (segment.Length - i), Columns - column);
                    if (columns > 0)
                        pieces[pieceCount++] = new()
                        {
                            Tile = tile + i,
                            Columns = (int)columns,
                            Rows = Math.Min(Side, Rows - row),
                            Target = (image * Groups * M * Rows + row) * Columns + column,
                        };
                    i += Layout.Pitch - column / Side;
                }
                tile += segment.Length;
            }
        }

        private readonly void Multiply(T* kernels, T* transformed, T* products, nint count)
        {
            var most = GemmKernel<TSimd, V, T>.Rows;
            var panels = ConvLayout.Ceiling(M, most);
            for (nint point = 0; point < Points; point++)
            for (nint tile = 0; tile < count; tile += Width)
            for (nint panel = 0; panel < panels; panel++)
            {
                var (first, last) = (M * panel / panels, M * (panel + 1) / panels);
                var rows = (int)(last - first);
                var kernel = (delegate* <nint, byte*, nint, nint, T*, nint, T*, nint, T*, bool, void>)
                    Gemm<TSimd, V, T>.Kernels[count - tile <= TSimd.Count ? rows - 1 : most + rows - 1];
                kernel(
                    K,
                    (byte*)(kernels + (point * M + first) * K),
                    sizeof(T),
                    rows * sizeof(T),
                    transformed + point * Step(K) + tile,
                    TilesAtATime,
                    products + point * Step(M) + first * TilesAtATime + tile,
                    TilesAtATime,
                    null,
                    false
                );
            }
        }

        /// <summary>Aᵀ m A for tiles of one channel, and their rows to where they belong.</summary>
        private readonly void Write(
            T* products,
            T* bias,
            nint count,
            Piece* pieces,
            int pieceCount,
            V* half,
            T* lines,
            T* to
        )
        {
            var pairs = half + Side * Read;
            var step = Step(M);
            var zero = T.Zero;
            var shift = TSimd.Broadcast(bias == null ? &zero : bias);
            for (nint tile = 0; tile < count; tile += TSimd.Count, products += TSimd.Count)
            {
                for (var x = 0; x < Read; x++)
                {
                    var column = products + x * step;
                    ConvTiles<TSimd, V, T>.Sum(
                        TSimd.Load(column),
                        TSimd.Load(column + Read * step),
                        TSimd.Load(column + 2 * Read * step),
                        TSimd.Load(column + 3 * Read * step),
                        TSimd.Load(column + 4 * Read * step),
                        TSimd.Load(column + 5 * Read * step),
                        out half[x],
                        out half[Read + x],
                        out half[2 * Read + x],
                        out half[3 * Read + x]
                    );
                }
                for (var y = 0; y < Side; y++)
                {
                    var row = half + Read * y;
                    ConvTiles<TSimd, V, T>.Sum(
                        TSimd.Add(row[0], shift),
                        row[1],
                        row[2],
                        row[3],
                        row[4],
                        TSimd.Add(row[5], shift),
                        out var a,
                        out var b,
                        out var c,
                        out var d
                    );
                    StoreInTurn(
                        a,
                        TSimd.Add(b, shift),
                        TSimd.Add(c, shift),
                        d,
                        pairs,
                        lines + Side * (y * TilesAtATime + tile)
                    );
                }
            }
            for (var i = 0; i < pieceCount; i++)
            {
                var piece = pieces[i];
                for (nint y = 0; y < piece.Rows; y++)
                    new Span<T>(lines + Side * (y * TilesAtATime + piece.Tile), piece.Columns).CopyTo(
                        new Span<T>(to + piece.Target + y * Columns, piece.Columns)
                    );
            }
        }
    }

    /// <summary>Writes the lanes of all four in turn.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreInTurn(V a, V b, V c, V d, V* pairs, T* to)
    {
        TSimd.StoreInTurn(a, c, (T*)pairs);
        TSimd.StoreInTurn(b, d, (T*)(pairs + 2));
        TSimd.StoreInTurn(pairs[0], pairs[2], to);
        TSimd.StoreInTurn(pairs[1], pairs[3], to + 2 * TSimd.Count);
    }
}
