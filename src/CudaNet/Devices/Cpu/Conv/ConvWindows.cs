using System.Numerics;

namespace CudaNet;

/// <summary>
/// result[n, m, p] = bias[m] + Σ over k of a[m, k] · image[n, offset[k] + p] within each group of channels: a convolution's forward pass,
/// and the gradient of its input for the positions of one remainder by the stride. All pointers are to elements.
/// </summary>
internal unsafe struct ConvProblem<T>
    where T : unmanaged
{
    public nint Groups;

    /// <summary>Channels of the result in a group.</summary>
    public nint M;

    /// <summary>Products of one element.</summary>
    public nint K;

    /// <summary>The packed a of all groups, see <see cref="ConvWindows{TSimd,V,T}.PackedSize"/>.</summary>
    public T* A;

    public T* Bias;
    public T* Images;
    public nint Image;

    /// <summary>Elements between the channels of two groups.</summary>
    public nint ImageGroup;

    /// <summary>Elements between rows of positions.</summary>
    public nint Pitch;
    public nint* Offsets;
    public T* Result;

    /// <summary>Elements from a channel of the result to the next.</summary>
    public nint Channel;

    /// <summary>Positions that are computed, and where they lie in a channel of the result.</summary>
    public nint Rows;
    public nint Columns;
    public nint RowStep;
    public nint ColumnStep;

    public readonly double Work => (double)M * K * Groups * Rows * Columns;
}

/// <summary>
/// Convolution by the register tiles of the matrix product: positions take the place of columns, and the offsets of the taps, which are
/// the same for all positions, that of the rows of B. So images are neither unfolded nor packed.
/// </summary>
internal static unsafe class ConvWindows<TSimd, V, T>
    where TSimd : struct, IGemmVector<T, V>
    where V : struct
    where T : unmanaged, INumber<T>
{
    private const int BlockBytesOfDepth = 1280; // a strip of positions stays in the L1 cache
    private const int BlockBytesOfA = 192 * 1024;
    private const int MostColumns = 64;

    private static readonly nint[] Kernels = GemmKernel<TSimd, V, T>.Table<OfConvolution>(GemmKernel<TSimd, V, T>.Rows);

    private static int Width => GemmKernel<TSimd, V, T>.Columns;

    private static int TileRows => GemmKernel<TSimd, V, T>.Rows;

    private static nint Panels(nint rows) => ConvLayout.Ceiling(rows, TileRows);

    /// <summary>Elements of a group's packed a: panels of rows as even as possible, each with the rows of one step side by side.</summary>
    public static nint PackedSize(nint m, nint k) => m * k;

    /// <summary>Packs a[m, (channel, tap)], with any steps between rows and channels, for taps at the positions given.</summary>
    public static void Pack(T* a, nint row, nint channel, nint m, nint channels, ReadOnlySpan<nint> taps, T* to)
    {
        var panels = Panels(m);
        for (nint panel = 0; panel < panels; panel++)
        {
            var (first, last) = (m * panel / panels, m * (panel + 1) / panels);
            for (nint c = 0; c < channels; c++)
                foreach (var tap in taps)
                    for (var i = first; i < last; i++)
                        *to++ = a[i * row + c * channel + tap];
        }
    }

    /// <summary>Computes the results of some images.</summary>
    public static void Run(ConvProblem<T> problem, nint count, bool parallel)
    {
        var work = new Strips(problem);
        if (problem.M == 0 || work.Count == 0)
            return;
        var all = count * problem.Groups * work.Count;
        if (parallel)
            CpuThreads.For(
                all,
                Math.Max(1, problem.M * problem.K * Width / 8),
                (first, last) => work.Run((nint)first, (nint)last)
            );
        else
            work.Run(0, all);
    }

    /// <summary>A stretch of a strip that lies in one row of the result.</summary>
    private struct Segment
    {
        public int Lane;
        public int Length;
        public nint Offset;
    }

    /// <summary>
    /// The division of the positions into strips of the width of a tile. Strips either begin anew in each row or run on from row to row
    /// over the gaps of the padding, whichever takes fewer.
    /// </summary>
    private struct Strips
    {
        private readonly ConvProblem<T> _p;
        private readonly nint _perRow;
        private readonly nint _depth;
        private readonly nint _panelsInBlock;

        public Strips(in ConvProblem<T> problem)
        {
            _p = problem;
            _perRow = ConvLayout.Ceiling(_p.Columns, Width);
            var running = ConvLayout.Ceiling((_p.Rows - 1) * _p.Pitch + _p.Columns, Width);
            Count = _p.Rows * _perRow;
            if (_p.Rows == 0 || _p.Columns == 0)
                Count = 0;
            else if (running < Count)
                (Count, _perRow) = (running, 0);
            var parts = Math.Max(1, ConvLayout.Ceiling(_p.K, BlockBytesOfDepth / sizeof(T)));
            _depth = ConvLayout.Ceiling(_p.K, parts);
            _panelsInBlock = Math.Max(1, BlockBytesOfA / sizeof(T) / Math.Max(1, _depth) / TileRows);
        }

        /// <summary>Strips of an image.</summary>
        public nint Count { get; }

        /// <summary>Computes strips that are numbered through groups and images.</summary>
        public readonly void Run(nint first, nint last)
        {
            while (first < last)
            {
                var image = first / Count;
                var end = Math.Min(last, (image + 1) * Count);
                var (n, group) = (image / _p.Groups, image % _p.Groups);
                RunImage(n, group, first - image * Count, end - image * Count);
                first = end;
            }
        }

        private readonly void RunImage(nint n, nint group, nint first, nint last)
        {
            var panels = Panels(_p.M);
            var source = _p.Images + n * _p.Image + group * _p.ImageGroup;
            var result = _p.Result + (n * _p.Groups + group) * _p.M * _p.Channel;
            var a = _p.A + group * PackedSize(_p.M, _p.K);
            var bias = _p.Bias == null ? null : _p.Bias + group * _p.M;
            for (nint block = 0; block < panels; block += _panelsInBlock)
            {
                var end = Math.Min(panels, block + _panelsInBlock);
                nint k = 0;
                do
                {
                    for (var strip = first; strip < last; strip++)
                        RunStrip(strip, k, block, end, panels, source, a, bias, result);
                    k += _depth;
                } while (k < _p.K);
            }
        }

        private readonly void RunStrip(
            nint strip,
            nint k,
            nint firstPanel,
            nint lastPanel,
            nint panels,
            T* source,
            T* a,
            T* bias,
            T* result
        )
        {
            var segments = stackalloc Segment[MostColumns];
            var pieces = Find(strip, segments, out var start, out var count);
            var narrow = count <= TSimd.Count;
            var width = narrow ? TSimd.Count : Width;
            var inPlace = pieces == 1 && segments[0].Length == width && _p.ColumnStep == 1;
            var tile = stackalloc T[14 * MostColumns];
            var depth = Math.Min(_depth, _p.K - k);
            for (var panel = firstPanel; panel < lastPanel; panel++)
            {
                var (row, end) = (_p.M * panel / panels, _p.M * (panel + 1) / panels);
                var rows = (int)(end - row);
                var kernel = (delegate* <nint, byte*, nint, nint, T*, nint, T*, nint, T*, bool, void>)
                    Kernels[narrow ? rows - 1 : TileRows + rows - 1];
                var c = result + row * _p.Channel;
                kernel(
                    depth,
                    (byte*)(a + row * _p.K + k * rows),
                    sizeof(T),
                    rows * sizeof(T),
                    source + start,
                    (nint)(_p.Offsets + k),
                    inPlace ? c + segments[0].Offset : tile,
                    inPlace ? _p.Channel : Width,
                    bias == null || k > 0 ? null : bias + row,
                    inPlace && k > 0
                );
                if (!inPlace)
                    for (var i = 0; i < rows; i++, c += _p.Channel)
                        Scatter(tile + i * Width, segments, pieces, c, accumulate: k > 0);
            }
        }

        /// <summary>Where a strip begins in the source, and the stretches of it that belong to the result.</summary>
        private readonly int Find(nint strip, Segment* segments, out nint start, out int count)
        {
            var (row, column) = (strip / Math.Max(1, _perRow), strip % Math.Max(1, _perRow) * Width);
            if (_perRow == 0)
                (row, column) = (strip * Width / _p.Pitch, strip * Width % _p.Pitch);
            start = row * _p.Pitch + column;
            var pieces = 0;
            count = 0;
            for (var lane = 0; lane < Width && row < _p.Rows; row++)
            {
                var length = (int)Math.Min(_p.Columns - column, Width - lane);
                var offset = row * _p.RowStep + column * _p.ColumnStep;
                if (length > 0)
                {
                    // Rows without gaps between them are one stretch.
                    var last = segments + pieces - 1;
                    if (pieces > 0 && count == lane && last->Offset + last->Length * _p.ColumnStep == offset)
                        last->Length += length;
                    else
                        segments[pieces++] = new()
                        {
                            Lane = lane,
                            Length = length,
                            Offset = offset,
                        };
                    count = lane + length;
                }
                if (_perRow > 0)
                    break;
                lane += (int)Math.Min(_p.Pitch - column, Width);
                column = 0;
            }
            return pieces;
        }

        private readonly void Scatter(T* tile, Segment* segments, int pieces, T* c, bool accumulate)
        {
            for (var piece = 0; piece < pieces; piece++)
            {
                var from = tile + segments[piece].Lane;
                var to = c + segments[piece].Offset;
                var length = segments[piece].Length;
                if (accumulate)
                    for (var j = 0; j < length; j++, to += _p.ColumnStep)
                        *to += from[j];
                else if (_p.ColumnStep == 1)
                    GemmPack<T>.Line(from, to, length);
                else
                    for (var j = 0; j < length; j++, to += _p.ColumnStep)
                        *to = from[j];
            }
        }
    }
}
