using System.Numerics;

namespace CudaNet;

/// <summary>
/// The gradient of 3×3 kernels by the transpose of <see cref="ConvWinograd{TSimd,V,T}"/>: Gᵀ[Σ over tiles of (A g Aᵀ) ⊙ (Bᵀ d B)]G for tiles
/// g of 4×4 elements of the gradient and d of 6×6 of the image, where the products of all tiles and channels are 36 matrix products whose
/// depth is the number of tiles.
/// </summary>
internal static unsafe class ConvWinogradFilter<TSimd, V, T>
    where TSimd : struct, IGemmVector<T, V>
    where V : unmanaged
    where T : unmanaged, INumber<T>
{
    private const int Side = WinogradPoints.Side;
    private const int Read = WinogradPoints.Read;
    private const int Points = WinogradPoints.Count;
    private const int FewestTiles = 32; // with fewer, what each pair of channels costs is more than the products that are saved
    private const int BytesOfTransforms = 4 * 1024 * 1024; // at a time, which stay in the outer caches

    private static int Width => GemmKernel<TSimd, V, T>.Columns;

    /// <summary>Tiles of as many channels as the register tile has columns that are transformed before they are transposed.</summary>
    private static int TilesOfBlock => 2 * Width;

    private static int BlockLine => TilesOfBlock + TSimd.Count;

    public static bool Serves(ConvGeometry geometry)
    {
        if (!WinogradPoints.Serve(geometry))
            return false;
        var output = geometry.Output;
        var lines = new ConvTileLines((nint)output[2], (nint)output[3], ImageLayout(geometry), TSimd.Count);
        var tiles = lines.Tiles((nint)output[0]);
        return tiles >= FewestTiles && WinogradPoints.Fill(output, tiles, TSimd.Count);
    }

    private static ConvLayout ImageLayout(ConvGeometry geometry)
    {
        return new((nint)geometry.Input[1], Axis(0), Axis(1));

        ConvAxis Axis(int axis)
        {
            var tiles = ConvLayout.Ceiling((nint)geometry.Output[axis + 2], Side);
            return new((nint)geometry.Input[axis + 2], (nint)geometry.Padding(axis), Side * tiles + 1, Side, tiles);
        }
    }

    /// <summary>With the images' pitch, so that tiles have the same numbers in both; what lies between rows is zero.</summary>
    private static ConvLayout GradientLayout(ConvGeometry geometry, nint pitch)
    {
        return new((nint)geometry.Output[1], Axis(0, 0), Axis(1, pitch));

        ConvAxis Axis(int axis, nint results)
        {
            var extent = (nint)geometry.Output[axis + 2];
            return new(extent, 0, Side * ConvLayout.Ceiling(extent, Side) - 1, Side, results);
        }
    }

    public static void Run(ConvGeometry geometry, T* gradient, T* source, T* result)
    {
        var layout = ImageLayout(geometry);
        var gradientLayout = GradientLayout(geometry, layout.Pitch);
        var lines = new ConvTileLines((nint)geometry.Output[2], (nint)geometry.Output[3], layout, TSimd.Count);
        var (images, groups) = ((nint)geometry.Input[0], (nint)geometry.Groups);
        var (channelsOut, channelsIn) = ((nint)geometry.ChannelsOut, (nint)geometry.ChannelsIn);
        var strips = ConvLayout.Ceiling(channelsIn, Width);
        var most = CpuConv<TSimd, V, T>.AtATime(images, layout.Image + gradientLayout.Image);
        var tiles = lines.Tiles(most);
        var chunk =
            BytesOfTransforms / sizeof(T) / (Points * (channelsOut + strips * Width)) / TilesOfBlock * TilesOfBlock;
        chunk = Math.Max(TilesOfBlock, chunk);
        chunk = ConvLayout.Ceiling(tiles, ConvLayout.Ceiling(tiles, chunk));
        var problem = new Problem
        {
            ChannelsOut = channelsOut,
            ChannelsIn = channelsIn,
            Strips = strips,
            Layout = layout,
            GradientLayout = gradientLayout,
            Lines = lines,
            Chunk = chunk,
            Parallel = geometry.Products >= Gemm.ParallelWork,
        };
        var sums = Points * channelsOut * strips * Width;
        var (transformed, spread) = (Points * strips * chunk * Width, Points * problem.SpreadStep);
        var laidOut = most * (layout.Image + gradientLayout.Image);
        var room = CpuConv<TSimd, V, T>.Room(
            2 * Points * sizeof(nint) + (groups * sums + transformed + spread + laidOut) * sizeof(T)
        );
        problem.Offsets = CpuConv<TSimd, V, T>.Take<nint>(ref room, Points);
        problem.GradientOffsets = CpuConv<TSimd, V, T>.Take<nint>(ref room, Points);
        for (nint point = 0; point < Points; point++)
            problem.Offsets[point] = layout.Offset(point / Read, point % Read);
        for (nint i = 0; i < Side * Side; i++)
            problem.GradientOffsets[i] = gradientLayout.Offset(i / Side, i % Side);
        var allSums = CpuConv<TSimd, V, T>.Take<T>(ref room, groups * sums);
        problem.Transformed = CpuConv<TSimd, V, T>.Take<T>(ref room, transformed);
        problem.Spread = CpuConv<TSimd, V, T>.Take<T>(ref room, spread);
        // Vectors of the last tiles read on behind the images: what comes next, and the zeros behind that.
        var gradients = CpuConv<TSimd, V, T>.Take<T>(
            ref room,
            most * gradientLayout.Image + CpuConv<TSimd, V, T>.Slack
        );
        var sources = CpuConv<TSimd, V, T>.Take<T>(ref room, most * layout.Image + CpuConv<TSimd, V, T>.Slack);
        for (nint image = 0; image < images; image += most)
        {
            var count = Math.Min(most, images - image);
            CpuConv<TSimd, V, T>.LayOut(layout, geometry.Input, source, image, count, sources, problem.Parallel);
            CpuConv<TSimd, V, T>.LayOut(
                gradientLayout,
                geometry.Output,
                gradient,
                image,
                count,
                gradients,
                problem.Parallel
            );
            for (nint group = 0; group < groups; group++)
            {
                problem.Images = sources + group * channelsIn * layout.Channel;
                problem.Gradients = gradients + group * channelsOut * gradientLayout.Channel;
                problem.Sums = allSums + group * sums;
                var all = lines.Tiles(count);
                for (nint first = 0; first < all; first += chunk)
                    problem.Run(first, Math.Min(chunk, all - first), overwrite: image == 0 && first == 0);
            }
        }
        for (nint group = 0; group < groups; group++)
        {
            problem.Sums = allSums + group * sums;
            problem.Collect(result + group * channelsOut * channelsIn * 9);
        }
    }

    private struct Problem
    {
        public nint ChannelsOut;
        public nint ChannelsIn;
        public nint Strips;
        public ConvLayout Layout;
        public ConvLayout GradientLayout;
        public ConvTileLines Lines;
        public nint Chunk;
        public bool Parallel;
        public nint* Offsets;
        public nint* GradientOffsets;
        public T* Images;
        public T* Gradients;

        /// <summary>Bᵀ d B as (point, strip of channels, tile, channel).</summary>
        public T* Transformed;

        /// <summary>A g Aᵀ as (point, channel, tile).</summary>
        public T* Spread;

        /// <summary>(point, channel of the gradient, channel of the image).</summary>
        public T* Sums;

        /// <summary>Elements between lines of tiles; vectors may write over a line's end.</summary>
        private readonly nint SpreadLine => Chunk + Width;

        /// <summary>An odd number of vectors from point to point, so that those of a tile do not fall into one set of the L1 cache.</summary>
        public readonly nint SpreadStep => ChannelsOut * SpreadLine + Width;

        /// <summary>Adds what some tiles contribute.</summary>
        public readonly void Run(nint first, nint count, bool overwrite)
        {
            var own = this;
            var blocks = ConvLayout.Ceiling(count, TilesOfBlock);
            For(
                blocks * Strips,
                Points * TilesOfBlock * Width,
                (task, end) => own.TransformBlocks(first, count, task, end)
            );
            For(ChannelsOut, Points * count, (channel, end) => own.SpreadLines(first, count, channel, end));
            For(
                Points * Strips,
                ChannelsOut * Width * count / 8,
                (task, end) => own.Multiply(count, task, end, overwrite)
            );
        }

        private readonly void For(nint count, nint cost, Action<long, long> body)
        {
            if (Parallel)
                CpuThreads.For(count, Math.Max(1, cost), body);
            else
                body(0, count);
        }

        private readonly void TransformBlocks(nint first, nint count, long firstTask, long lastTask)
        {
            var points = (T*)GemmBuffers.Left((Points * Width * BlockLine + GemmPack<T>.Slack) * sizeof(T));
            var half = stackalloc V[Points];
            for (var task = (nint)firstTask; task < lastTask; task++)
            {
                var (start, strip) = (task / Strips * TilesOfBlock, task % Strips);
                var tiles = Math.Min(TilesOfBlock, count - start);
                var channels = Math.Min(Width, ChannelsIn - strip * Width);
                for (nint tile = 0; tile < tiles; )
                {
                    var (image, at, length) = Lines.At(first + start + tile);
                    length = Math.Min(length, tiles - tile);
                    var source = Images + image * Layout.Image + strip * Width * Layout.Channel + at;
                    for (nint channel = 0; channel < channels; channel++)
                        ConvTiles<TSimd, V, T>.Transform(
                            source + channel * Layout.Channel,
                            Offsets,
                            points + channel * BlockLine + tile,
                            Width * BlockLine,
                            length,
                            half
                        );
                    tile += length;
                }
                for (nint point = 0; point < Points; point++)
                    GemmPack<T>.Strip(
                        points + point * Width * BlockLine,
                        BlockLine,
                        1,
                        (int)channels,
                        tiles,
                        Transformed + ((point * Strips + strip) * Chunk + start) * Width,
                        Width
                    );
            }
        }

        private readonly void SpreadLines(nint first, nint count, long firstChannel, long lastChannel)
        {
            var half = stackalloc V[Side * Read];
            for (var channel = (nint)firstChannel; channel < lastChannel; channel++)
            for (nint tile = 0; tile < count; )
            {
                var (image, at, length) = Lines.At(first + tile);
                length = Math.Min(length, count - tile);
                ConvTiles<TSimd, V, T>.Spread(
                    Gradients + image * GradientLayout.Image + channel * GradientLayout.Channel + at,
                    GradientOffsets,
                    Spread + channel * SpreadLine + tile,
                    SpreadStep,
                    length,
                    half
                );
                tile += length;
            }
        }

        private readonly void Multiply(nint count, long firstTask, long lastTask, bool overwrite)
        {
            var most = GemmKernel<TSimd, V, T>.Rows;
            var panels = ConvLayout.Ceiling(ChannelsOut, most);
            var pitch = Strips * Width;
            for (var task = (nint)firstTask; task < lastTask; task++)
            for (nint panel = 0; panel < panels; panel++)
            {
                var (point, strip) = (task / Strips, task % Strips);
                var (first, last) = (ChannelsOut * panel / panels, ChannelsOut * (panel + 1) / panels);
                var rows = (int)(last - first);
                var narrow = ChannelsIn - strip * Width <= TSimd.Count;
                var kernel = (delegate* <nint, byte*, nint, nint, T*, nint, T*, nint, T*, bool, void>)
                    Gemm<TSimd, V, T>.Kernels[narrow ? rows - 1 : most + rows - 1];
                kernel(
                    count,
                    (byte*)(Spread + point * SpreadStep + first * SpreadLine),
                    SpreadLine * sizeof(T),
                    sizeof(T),
                    Transformed + task * Chunk * Width,
                    Width,
                    Sums + (point * ChannelsOut + first) * pitch + strip * Width,
                    pitch,
                    null,
                    !overwrite
                );
            }
        }

        /// <summary>Gᵀ m G of all sums, written as (o, c, tap).</summary>
        public readonly void Collect(T* result)
        {
            var own = this;
            For(ChannelsOut, ChannelsIn * Points, (first, last) => own.CollectLines(result, (nint)first, (nint)last));
        }

        private readonly void CollectLines(T* result, nint first, nint last)
        {
            var half = stackalloc V[3 * Read];
            var taps = stackalloc V[9];
            var pitch = Strips * Width;
            for (var o = first; o < last; o++)
            for (nint c = 0; c < ChannelsIn; c += TSimd.Count)
            {
                ConvTiles<TSimd, V, T>.Collect(Sums + o * pitch + c, ChannelsOut * pitch, half, taps);
                var to = result + (o * ChannelsIn + c) * 9;
                var lanes = Math.Min(TSimd.Count, ChannelsIn - c);
                for (nint lane = 0; lane < lanes; lane++)
                for (var tap = 0; tap < 9; tap++)
                    to[lane * 9 + tap] = ((T*)taps)[tap * TSimd.Count + lane];
            }
        }
    }
}
