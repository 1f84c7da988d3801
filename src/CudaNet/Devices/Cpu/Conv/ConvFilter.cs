using System.Numerics;

namespace CudaNet;

/// <summary>
/// result[o, c, tap] += Σ over n and p of gradient[n, o, p] · image[n, offset(c, tap) + p] within each group of channels: the gradient of
/// a convolution's weight. All pointers are to elements.
/// </summary>
internal unsafe struct ConvFilterProblem<T>
    where T : unmanaged
{
    public nint Groups;

    /// <summary>Channels of a group of the gradient, and of the images.</summary>
    public nint ChannelsOut;
    public nint ChannelsIn;

    /// <summary>The packed gradient, see <see cref="ConvFilter{TSimd,V,T}.Pack"/>.</summary>
    public T* Gradient;
    public T* Images;
    public nint Image;

    /// <summary>Elements between channels of the images, rows of positions, and the taps of a row of the kernel.</summary>
    public nint Channel;
    public nint Pitch;
    public nint TapStep;

    /// <summary>The offsets of the taps of channel 0.</summary>
    public nint* Offsets;
    public nint KernelRows;
    public nint KernelColumns;

    /// <summary>Positions of the gradient.</summary>
    public nint Rows;
    public nint Columns;

    /// <summary>(group, c, tap, o), with as many o as the tiles have columns.</summary>
    public T* Result;

    public readonly nint Taps => KernelRows * KernelColumns;

    /// <summary>Positions from the first to the last, the gaps between rows included.</summary>
    public readonly nint Depth => (Rows - 1) * Pitch + Columns;
}

/// <summary>
/// The weight's gradient by the register tiles of the matrix product: the gradient's channels are the columns, a few channels of the
/// image, or a few taps of a row, the rows, and the positions the depth. The gradient is packed with zeros in the gaps between rows.
/// </summary>
internal static unsafe class ConvFilter<TSimd, V, T>
    where TSimd : struct, IGemmVector<T, V>
    where V : struct
    where T : unmanaged, INumber<T>
{
    private const int BlockBytesOfDepth = 1280;
    private const int FewTasks = 8;

    private static int Width => GemmKernel<TSimd, V, T>.Columns;

    private static int TileRows => GemmKernel<TSimd, V, T>.Rows;

    /// <summary>Groups of columns.</summary>
    private static nint Strips(in ConvFilterProblem<T> p) => ConvLayout.Ceiling(p.ChannelsOut, Width);

    public static nint PackedSize(in ConvFilterProblem<T> p) => p.Groups * Strips(p) * p.Depth * Width;

    public static nint ResultSize(in ConvFilterProblem<T> p) =>
        p.Groups * p.ChannelsIn * p.Taps * Strips(p) * Width + GemmPack<T>.Slack;

    /// <summary>Packs the gradient of one image: for each strip of channels the positions, and at each the channels side by side.</summary>
    public static void Pack(in ConvFilterProblem<T> p, T* gradient, T* to)
    {
        var positions = p.Rows * p.Columns;
        for (nint group = 0; group < p.Groups; group++)
        for (nint first = 0; first < p.ChannelsOut; first += Width)
        {
            var count = (int)Math.Min(Width, p.ChannelsOut - first);
            var from = gradient + (group * p.ChannelsOut + first) * positions;
            if (p.Pitch == p.Columns)
            {
                GemmPack<T>.Strip(from, positions, 1, count, positions, to, Width);
                to += positions * Width;
                continue;
            }
            for (nint row = 0; row < p.Rows; row++)
            {
                GemmPack<T>.Strip(from + row * p.Columns, positions, 1, count, p.Columns, to, Width);
                to += p.Columns * Width;
                if (row == p.Rows - 1)
                    break;
                new Span<T>(to, (int)((p.Pitch - p.Columns) * Width)).Clear();
                to += (p.Pitch - p.Columns) * Width;
            }
        }
    }

    /// <summary>Adds what some images contribute; the first of them overwrite.</summary>
    public static void Run(ConvFilterProblem<T> problem, nint images, bool overwrite, bool parallel)
    {
        var work = new Division(problem, images, overwrite);
        if (!parallel)
        {
            work.Run(0, work.Tasks);
            return;
        }
        var cost = (double)images * problem.Depth * problem.Taps * problem.ChannelsIn * Width / 8 * work.Strips;
        CpuThreads.For(
            work.Tasks,
            Math.Max(1, (long)(cost / work.Tasks)),
            (first, last) => work.Run((nint)first, (nint)last)
        );
    }

    /// <summary>Writes the result as (o, c, tap).</summary>
    public static void Unpack(in ConvFilterProblem<T> p, T* to)
    {
        var (lines, width) = (p.ChannelsIn * p.Taps, Strips(p) * Width);
        for (nint group = 0; group < p.Groups; group++)
        for (nint o = 0; o < p.ChannelsOut; o++)
        {
            var from = p.Result + group * lines * width + o;
            for (nint line = 0; line < lines; line++)
                *to++ = from[line * width];
        }
    }

    /// <summary>Tasks over strips of columns and tiles; each task goes through all images in order.</summary>
    private readonly struct Division
    {
        private readonly ConvFilterProblem<T> _p;
        private readonly nint _images;
        private readonly bool _overwrite;
        private readonly bool _byChannel;
        private readonly nint _parts;
        private readonly nint _panels;
        private readonly nint _others;

        public Division(in ConvFilterProblem<T> problem, nint images, bool overwrite)
        {
            (_p, _images, _overwrite) = (problem, images, overwrite);
            // A tile's rows need one distance: that of channels, or, where there are few, that of a row's taps.
            _byChannel = _p.ChannelsIn >= _p.KernelColumns || _p.TapStep == 0;
            _panels = ConvLayout.Ceiling(Inner, TileRows);
            _others = _byChannel ? _p.Taps : _p.ChannelsIn * _p.KernelRows;
            Strips = _p.Groups * ConvFilter<TSimd, V, T>.Strips(_p);
            _parts = Math.Clamp(FewTasks / Math.Max(1, Strips), 1, Math.Max(1, _panels * _others));
        }

        public nint Strips { get; }

        public nint Tasks => Strips * _parts;

        /// <summary>What the rows of tiles run through: channels, or the taps of a row.</summary>
        private nint Inner => _byChannel ? _p.ChannelsIn : _p.KernelColumns;

        public void Run(nint firstTask, nint lastTask)
        {
            for (var task = firstTask; task < lastTask; task++)
            {
                var (strip, part) = (task / _parts, task % _parts);
                var tiles = _panels * _others;
                RunStrip(strip, tiles * part / _parts, tiles * (part + 1) / _parts);
            }
        }

        private void RunStrip(nint strip, nint firstTile, nint lastTile)
        {
            var own = ConvFilter<TSimd, V, T>.Strips(_p);
            var (group, column) = (strip / own, strip % own * Width);
            var narrow = _p.ChannelsOut - column <= TSimd.Count;
            var pitch = own * Width;
            var images = _p.Images + group * _p.ChannelsIn * _p.Channel;
            var result = _p.Result + group * _p.ChannelsIn * _p.Taps * pitch + column;
            var total = _p.Depth;
            var depth = ConvLayout.Ceiling(total, ConvLayout.Ceiling(total, BlockBytesOfDepth / sizeof(T)));
            var step = _byChannel ? _p.Channel : _p.TapStep;
            var lines = _byChannel ? _p.Taps : 1;
            for (nint n = 0; n < _images; n++)
            for (nint k = 0; k < total; k += depth)
            {
                var gradient = _p.Gradient + ((n * _p.Groups * own + strip) * total + k) * Width;
                for (var tile = firstTile; tile < lastTile; tile++)
                {
                    var (panel, other) = (tile / _others, tile % _others);
                    var (first, last) = (Inner * panel / _panels, Inner * (panel + 1) / _panels);
                    var rows = (int)(last - first);
                    var kernel = (delegate* <nint, byte*, nint, nint, T*, nint, T*, nint, T*, bool, void>)
                        Gemm<TSimd, V, T>.Kernels[narrow ? rows - 1 : TileRows + rows - 1];
                    var (offset, line) = Start(other);
                    kernel(
                        Math.Min(depth, total - k),
                        (byte*)(images + n * _p.Image + offset + first * step + k),
                        step * sizeof(T),
                        sizeof(T),
                        gradient,
                        Width,
                        result + (line + first * lines) * pitch,
                        lines * pitch,
                        null,
                        !_overwrite || n > 0 || k > 0
                    );
                }
            }
        }

        /// <summary>Where the tiles of one tap, or of one row of taps of one channel, begin in the images and in the result.</summary>
        private (nint Offset, nint Line) Start(nint other)
        {
            if (_byChannel)
                return (_p.Offsets[other], other);
            var (channel, row) = (other / _p.KernelRows, other % _p.KernelRows);
            var tap = row * _p.KernelColumns;
            return (channel * _p.Channel + _p.Offsets[tap], channel * _p.Taps + tap);
        }
    }
}
