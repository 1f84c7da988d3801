using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace CudaNet;

/// <summary>
/// C = A · B + bias + residual and, where there is an activation, its values at C; C row-major with unit column stride, A and B with any strides, all in elements. A and B may have zero strides.
/// </summary>
internal unsafe struct GemmProblem<T>
    where T : unmanaged
{
    public nint M;
    public nint N;
    public nint K;
    public T* A;
    public nint ARow;
    public nint ACol;
    public T* B;
    public nint BRow;
    public nint BCol;
    public T* C;
    public nint CRow;

    /// <summary>N elements that are added to every row of C, or null.</summary>
    public T* Bias;

    /// <summary>What is added to finished elements of C, laid out as C, or null.</summary>
    public T* Residual;

    /// <summary>What is applied to finished elements of C.</summary>
    public Activation Activation;

    /// <summary>Where the activated elements go, laid out as C; it may be C.</summary>
    public T* Activated;

    public readonly double Work => (double)M * N * K;
}

/// <summary>
/// Matrix products after Goto and van de Geijn (Anatomy of High-Performance Matrix Multiplication, 2008): blocks of A that stay in the
/// L2 cache, strips of B that stay in the L1 cache, register tiles. Everything is divided by the shape alone and every element's sum
/// has one order, so results depend neither on the number of threads nor on who else is computing.
/// </summary>
internal static class Gemm
{
    /// <summary>Multiply-adds below which a second core costs more than it gains.</summary>
    public const double ParallelWork = 1 << 19;

    /// <param name="problem">What to multiply.</param>
    /// <param name="parallel">Whether other cores may help; false inside a loop that is divided already.</param>
    public static void Run<T>(in GemmProblem<T> problem, bool parallel)
        where T : unmanaged, INumber<T>
    {
        if (Vector512.IsHardwareAccelerated && Avx512F.IsSupported)
            Gemm<GemmVector512<T>, Vector512<T>, T>.Run(problem, parallel);
        else if (Vector256.IsHardwareAccelerated && Fma.IsSupported)
            Gemm<GemmVector256<T>, Vector256<T>, T>.Run(problem, parallel);
        else
            Gemm<GemmVectorPortable<T>, Vector<T>, T>.Run(problem, parallel);
    }
}

/// <inheritdoc cref="Gemm"/>
internal static unsafe class Gemm<TSimd, V, T>
    where TSimd : struct, IGemmVector<T, V>
    where V : struct
    where T : unmanaged, INumber<T>
{
    private const int BlockBytesOfDepth = 1280; // a strip of B takes 20 KiB (AVX2) and leaves room for A in the L1 cache
    private const int BlockBytesOfA = 192 * 1024;
    private const int BlockBytesOfB = 4 * 1024 * 1024;
    private const int SmallBytes = 16 * 1024;
    private const int FewTasks = 8;
    private const int StripsOfTask = 8;
    private const int DepthChunk = 16;
    private const int PackCost = 4; // of an element: the product that follows wakes the other cores in any case
    private const int MaximumColumns = 64;

    private static readonly int TileRows = GemmKernel<TSimd, V, T>.Rows;
    internal static readonly nint[] Kernels = GemmKernel<TSimd, V, T>.Table<OfMatrix>(TileRows);

    private static int Columns => GemmKernel<TSimd, V, T>.Columns;

    public static void Run(in GemmProblem<T> problem, bool parallel)
    {
        if (problem.M == 0 || problem.N == 0)
            return;
        if (problem.K == 0)
        {
            Fill(problem);
            GemmEpilogue.Apply(problem, problem.C, problem.M, problem.N);
        }
        else if (GemmDot<TSimd, V, T>.Serves(problem))
        {
            GemmDot<TSimd, V, T>.Run(problem, parallel);
            GemmEpilogue.Apply(problem, problem.C, problem.M, problem.N);
        }
        else if (
            problem is { N: 1, ACol: not 1, Bias: null, CRow: 1, Activation: Activation.None }
            && problem.Residual == null
        )
            Multiply(Swapped(problem), parallel);
        else
            Multiply(problem, parallel);
    }

    /// <summary>The transposed product of a matrix and a column: its result is one row.</summary>
    private static GemmProblem<T> Swapped(in GemmProblem<T> p) =>
        new()
        {
            M = 1,
            N = p.M,
            K = p.K,
            A = p.B,
            ARow = p.BCol,
            ACol = p.BRow,
            B = p.A,
            BRow = p.ACol,
            BCol = p.ARow,
            C = p.C,
            CRow = p.M,
        };

    private static void Fill(in GemmProblem<T> p)
    {
        for (nint i = 0; i < p.M; i++)
        for (nint j = 0; j < p.N; j++)
            p.C[i * p.CRow + j] = p.Bias == null ? T.Zero : p.Bias[j];
    }

    private static void Multiply(in GemmProblem<T> p, bool parallel)
    {
        parallel &= p.Work >= Gemm.ParallelWork;
        var depth = Even(p.K, BlockBytesOfDepth / sizeof(T));
        var width = Even(p.N, Math.Max(Columns, BlockBytesOfB / sizeof(T) / depth / Columns * Columns));
        // Packing B pays when its strips are read often or lie on too many cache lines of the same set.
        var direct = p.BCol == 1 && (p.M <= 2 * TileRows || p.K * p.N * sizeof(T) <= SmallBytes);
        for (nint column = 0; column < p.N; column += width)
        for (nint k = 0; k < p.K; k += depth)
        {
            var block = new Block
            {
                Problem = p,
                FirstColumn = column,
                ColumnCount = Math.Min(width, p.N - column),
                FirstDepth = k,
                Depth = Math.Min(depth, p.K - k),
                IsDirect = direct,
            };
            block.Strips = (block.ColumnCount + Columns - 1) / Columns;
            block.Divide();
            if (!block.PacksLate)
                block.Packed = RoomFor(block.Strips * block.Depth);
            if (parallel)
                RunParallel(block);
            else
                RunSerial(block);
        }
    }

    /// <summary>Room for a number of lines of packed strips.</summary>
    private static T* RoomFor(nint lines) => (T*)GemmBuffers.Right((lines * Columns + GemmPack<T>.Slack) * sizeof(T));

    /// <summary>The length of a part when parts are as even as whole register tiles allow.</summary>
    private static nint Even(nint length, nint most)
    {
        if (length <= most)
            return length;
        var parts = (length + most - 1) / most;
        var part = (length + parts - 1) / parts;
        return (part + Columns - 1) / Columns * Columns;
    }

    private static void RunSerial(in Block block)
    {
        if (!block.PacksLate)
            block.Pack(0, block.Strips);
        for (nint task = 0; task < block.Tasks; task++)
            block.Run(task);
    }

    private static void RunParallel(Block block)
    {
        if (block.IsDirect)
            block.Pack(block.Strips - 1, block.Strips);
        else if (!block.PacksLate)
            CpuThreads.For(
                block.Strips,
                PackCost * Columns * block.Depth,
                (first, last) => block.Pack((nint)first, (nint)last)
            );
        CpuThreads.For(
            block.Tasks,
            (long)(block.Problem.Work / 8 / block.Tasks),
            (first, last) =>
            {
                for (var task = first; task < last; task++)
                    block.Run((nint)task);
            }
        );
    }

    /// <summary>One step over columns and depth: strips of B, and tasks that are tiles of blocks of rows and groups of strips.</summary>
    private struct Block
    {
        public GemmProblem<T> Problem;
        public nint FirstColumn;
        public nint ColumnCount;
        public nint FirstDepth;
        public nint Depth;
        public nint Strips;
        public T* Packed;
        public bool IsDirect;
        private nint _rowBlocks;
        private nint _groups;

        public readonly nint Tasks => _rowBlocks * _groups;

        /// <summary>Whether each strip serves one block of rows only: then it is packed when that comes to it, and stays in the L1 cache
        /// meanwhile instead of going through memory.</summary>
        public readonly bool PacksLate => _rowBlocks == 1 && !IsDirect;

        // Enough tasks for several cores, from rows first: a group of strips packs the rows of A once more. Five tasks would take two
        // cores as long as six do, so there are 1, 2, 4, 8, 12, ... of them. Where strips alone make tasks enough, one block has all rows:
        // no strip is packed before it is needed.
        public void Divide()
        {
            var rows = Math.Max(1, BlockBytesOfA / sizeof(T) / Depth / TileRows) * TileRows;
            var fit = (Problem.M + rows - 1) / rows;
            var wanted = Math.Clamp(Problem.M / (4 * TileRows), 1, FewTasks);
            _rowBlocks = Math.Max((nint)BitOperations.RoundUpToPowerOf2((nuint)wanted / 2 + 1), fit);
            if (fit == 1 && Strips >= StripsOfTask * FewTasks)
                _rowBlocks = 1;
            if (_rowBlocks > 2)
                _rowBlocks = (_rowBlocks + 3) / 4 * 4;
            _groups = Math.Clamp(Strips / StripsOfTask, 1, Math.Max(1, FewTasks / _rowBlocks));
        }

        private readonly T* BAt(nint column) =>
            Problem.B + (FirstColumn + column) * Problem.BCol + FirstDepth * Problem.BRow;

        /// <summary>How much of the depth is packed for all strips before the rest: where the source's lines run across the strips, each
        /// is read to its end while it is in the cache.</summary>
        private readonly nint ChunkOfDepth(nint step) => step == 1 ? Math.Min(DepthChunk, Depth) : Depth;

        // The last strip is packed in any case when it is not whole: a kernel loads whole vectors.
        public readonly void Pack(nint first, nint last)
        {
            var chunk = ChunkOfDepth(Problem.BCol);
            for (nint k = 0; k < Depth; k += chunk)
            for (var strip = first; strip < last; strip++)
            {
                var count = (int)Math.Min(Columns, ColumnCount - strip * Columns);
                if (IsDirect && count == Columns)
                    continue;
                PackStrip(strip, k, Math.Min(chunk, Depth - k), Packed + (strip * Depth + k) * Columns);
            }
        }

        private readonly void PackStrip(nint strip, nint k, nint depth, T* to) =>
            GemmPack<T>.Strip(
                BAt(strip * Columns) + k * Problem.BRow,
                Problem.BCol,
                Problem.BRow,
                (int)Math.Min(Columns, ColumnCount - strip * Columns),
                depth,
                to,
                Columns
            );

        public readonly void Run(nint task)
        {
            var (rowBlock, group) = (task / _groups, task % _groups);
            var (firstRow, lastRow) = (Problem.M * rowBlock / _rowBlocks, Problem.M * (rowBlock + 1) / _rowBlocks);
            var (firstStrip, lastStrip) = (Strips * group / _groups, Strips * (group + 1) / _groups);
            var rows = lastRow - firstRow;
            var panels = (rows + TileRows - 1) / TileRows;
            var source = Problem.A + firstRow * Problem.ARow + FirstDepth * Problem.ACol;
            var width = (lastStrip - firstStrip) * Columns;
            var readsInPlace = width <= (Problem.ACol == 1 ? 256 : Columns);
            var packed = readsInPlace ? source : PackA(source, rows, panels);
            var own = PacksLate ? RoomFor(Depth) : null;
            for (var strip = firstStrip; strip < lastStrip; strip++)
            {
                var b = Packed + strip * Depth * Columns;
                if (PacksLate)
                    PackStrip(strip, 0, Depth, b = own);
                for (nint panel = 0; panel < panels; panel++)
                {
                    var (first, last) = (rows * panel / panels, rows * (panel + 1) / panels);
                    var count = (int)(last - first);
                    if (PacksLate && strip + 1 < lastStrip)
                        PrefetchStrip(strip + 1, Depth * panel / panels, Depth * (panel + 1) / panels);
                    if (readsInPlace)
                        Tile(
                            strip,
                            b,
                            firstRow + first,
                            count,
                            source + first * Problem.ARow,
                            Problem.ARow,
                            Problem.ACol
                        );
                    else
                        Tile(strip, b, firstRow + first, count, packed + first * Depth, 1, count);
                }
            }
        }

        /// <summary>Asks for lines of a strip that is packed next; where they lie one line apart the processor does so by itself.</summary>
        private readonly void PrefetchStrip(nint strip, nint first, nint last)
        {
            if (!Sse.IsSupported || Problem.BCol != 1)
                return;
            var from = BAt(strip * Columns);
            for (var k = first; k < last; k++)
                Sse.Prefetch1(from + k * Problem.BRow);
        }

        private readonly T* PackA(T* source, nint rows, nint panels)
        {
            var packed = (T*)GemmBuffers.Left((rows * Depth + GemmPack<T>.Slack) * sizeof(T));
            var chunk = ChunkOfDepth(Problem.ARow);
            for (nint k = 0; k < Depth; k += chunk)
            for (nint panel = 0; panel < panels; panel++)
            {
                var (first, last) = (rows * panel / panels, rows * (panel + 1) / panels);
                var count = (int)(last - first);
                GemmPack<T>.Strip(
                    source + first * Problem.ARow + k * Problem.ACol,
                    Problem.ARow,
                    Problem.ACol,
                    count,
                    Math.Min(chunk, Depth - k),
                    packed + first * Depth + k * count,
                    count
                );
            }
            return packed;
        }

        // Finished while it is in the L1 cache.
        private readonly void Tile(nint strip, T* packed, nint row, int rows, T* a, nint aRow, nint aCol)
        {
            var column = strip * Columns;
            var count = (int)Math.Min(Columns, ColumnCount - column);
            Multiply(column, packed, row, rows, count, a, aRow, aCol);
            if (FirstDepth + Depth == Problem.K)
                GemmEpilogue.Apply(Problem, Problem.C + row * Problem.CRow + FirstColumn + column, rows, count);
        }

        private readonly void Multiply(
            nint column,
            T* packed,
            nint row,
            int rows,
            int count,
            T* a,
            nint aRow,
            nint aCol
        )
        {
            var isWhole = count == Columns || count == TSimd.Count;
            var narrow = count <= TSimd.Count;
            var kernel = (delegate* <nint, byte*, nint, nint, T*, nint, T*, nint, T*, bool, void>)
                Kernels[narrow ? rows - 1 : TileRows + rows - 1];
            var unpacked = IsDirect && count == Columns;
            var b = unpacked ? BAt(column) : packed;
            var bRow = unpacked ? Problem.BRow : Columns;
            var c = Problem.C + row * Problem.CRow + FirstColumn + column;
            var bias = Problem.Bias == null || FirstDepth > 0 ? null : Problem.Bias + FirstColumn + column;
            var bytes = sizeof(T);
            if (isWhole)
            {
                if (Sse.IsSupported)
                    for (var i = 0; i < rows; i++)
                        Sse.Prefetch0(c + i * Problem.CRow);
                kernel(Depth, (byte*)a, aRow * bytes, aCol * bytes, b, bRow, c, Problem.CRow, bias, FirstDepth > 0);
                return;
            }
            var tile = stackalloc T[TileRows * MaximumColumns];
            kernel(Depth, (byte*)a, aRow * bytes, aCol * bytes, b, bRow, tile, Columns, null, false);
            for (var i = 0; i < rows; i++, c += Problem.CRow)
            for (var j = 0; j < count; j++)
            {
                var value = tile[i * Columns + j];
                if (bias != null)
                    value += bias[j];
                c[j] = FirstDepth > 0 ? value + c[j] : value;
            }
        }
    }
}
