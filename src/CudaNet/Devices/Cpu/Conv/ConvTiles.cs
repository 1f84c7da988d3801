using System.Numerics;
using System.Runtime.CompilerServices;

namespace CudaNet;

/// <summary>
/// The points of F(4, 3): 0, ±¾, ±1½ and infinity. They lie about evenly around 1, so that neither the first results of a tile nor the last
/// lose digits, as one side does with the usual 0, ±1, ±2; and all that vectors multiply by is exact in f32.
/// </summary>
internal static unsafe class WinogradPoints
{
    /// <summary>Results of a tile along an axis, the elements that they read, and the points of both axes.</summary>
    public const int Side = 4;
    public const int Read = 6;
    public const int Count = Read * Read;

    public const double Near = 0.75;
    public const double Far = 1.5;
    public const double NearSquare = Near * Near;
    public const double FarSquare = Far * Far;
    public const double SquareSum = NearSquare + FarSquare;
    public const double SquareProduct = NearSquare * FarSquare;

    public const double OfNear = 1 / (2 * NearSquare * (NearSquare - FarSquare));
    public const double OfFar = 1 / (2 * FarSquare * (FarSquare - NearSquare));
    public const double OfZero = 1 / SquareProduct;
    private const int FewestChannels = 16; // with fewer, the transforms cost more than the products that they save
    private const double LeastUsed = 0.5; // of the positions that whole tiles and vectors of them have

    /// <summary>Whether a convolution has a form for which the points are.</summary>
    public static bool Serve(ConvGeometry geometry)
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
        return true;
    }

    /// <summary>Whether enough of the tiles belongs to results.</summary>
    public static bool Fill(Shape results, nint tiles, int lanes) =>
        results[0] * ConvGeometry.Spatial(results)
        >= LeastUsed * Side * Side * ConvLayout.Ceiling(tiles, lanes) * lanes;

    /// <summary>G g for one column.</summary>
    public static void Kernel(double a, double b, double c, double* to, int step)
    {
        to[0] = a * OfZero;
        to[step] = (a + b * Near + c * NearSquare) * OfNear;
        to[2 * step] = (a - b * Near + c * NearSquare) * OfNear;
        to[3 * step] = (a + b * Far + c * FarSquare) * OfFar;
        to[4 * step] = (a - b * Far + c * FarSquare) * OfFar;
        to[5 * step] = c;
    }
}

/// <summary>
/// How tiles are numbered: in lines of neighbours of the layout. A line is a row of tiles, or, where rows fill vectors badly, an image,
/// and then the gap at the end of a row counts as tiles.
/// </summary>
internal readonly struct ConvTileLines
{
    private readonly nint _pitch;

    public ConvTileLines(nint rows, nint columns, in ConvLayout layout, int lanes)
    {
        _pitch = layout.Pitch;
        (PerImage, Length) = (
            ConvLayout.Ceiling(rows, WinogradPoints.Side),
            ConvLayout.Ceiling(columns, WinogradPoints.Side)
        );
        var running = (PerImage - 1) * layout.Pitch + Length;
        var vectors = ConvLayout.Ceiling(Length, lanes) * lanes;
        if (PerImage * (Length + vectors) > 2 * running)
            (PerImage, Length) = (1, running);
    }

    public nint PerImage { get; }

    public nint Length { get; }

    public nint Tiles(nint images) => images * PerImage * Length;

    /// <summary>Where a tile lies in a channel, and how many from it on lie in its line.</summary>
    public (nint Image, nint Start, nint Length) At(nint tile)
    {
        var (line, at) = (tile / Length, tile % Length);
        return (line / PerImage, line % PerImage * _pitch + at, Length - at);
    }
}

/// <summary>The transforms of F(4×4, 3×3) for a vector of tiles that lie side by side.</summary>
internal static unsafe class ConvTiles<TSimd, V, T>
    where TSimd : struct, IGemmVector<T, V>
    where V : unmanaged
    where T : unmanaged, INumber<T>
{
    private const int Side = WinogradPoints.Side;
    private const int Read = WinogradPoints.Read;

    /// <summary>Bᵀ d B for tiles of one channel, into one line for each point, <paramref name="step"/> apart. The last vector writes over
    /// the end; whoever comes next overwrites that.</summary>
    /// <param name="source">The first tile.</param>
    /// <param name="offsets">Where the 6×6 elements of a tile lie.</param>
    /// <param name="to">The first point's line.</param>
    /// <param name="step">Elements from the line of a point to that of the next.</param>
    /// <param name="count">Tiles.</param>
    /// <param name="half">Room for as many vectors as there are points.</param>
    public static void Transform(T* source, nint* offsets, T* to, nint step, nint count, V* half)
    {
        for (nint tile = 0; tile < count; tile += TSimd.Count, source += TSimd.Count, to += TSimd.Count)
        {
            for (var x = 0; x < Read; x++)
                Transform(
                    TSimd.Load(source + offsets[x]),
                    TSimd.Load(source + offsets[Read + x]),
                    TSimd.Load(source + offsets[2 * Read + x]),
                    TSimd.Load(source + offsets[3 * Read + x]),
                    TSimd.Load(source + offsets[4 * Read + x]),
                    TSimd.Load(source + offsets[5 * Read + x]),
                    (T*)(half + x),
                    Read * TSimd.Count
                );
            for (var y = 0; y < Read; y++)
            {
                var row = half + Read * y;
                Transform(row[0], row[1], row[2], row[3], row[4], row[5], to + Read * y * step, step);
            }
        }
    }

    /// <summary>A g Aᵀ for tiles of the gradient of one channel, with parameters as above.</summary>
    public static void Spread(T* source, nint* offsets, T* to, nint step, nint count, V* half)
    {
        for (nint tile = 0; tile < count; tile += TSimd.Count, source += TSimd.Count, to += TSimd.Count)
        {
            for (var x = 0; x < Side; x++)
                Spread(
                    TSimd.Load(source + offsets[x]),
                    TSimd.Load(source + offsets[Side + x]),
                    TSimd.Load(source + offsets[2 * Side + x]),
                    TSimd.Load(source + offsets[3 * Side + x]),
                    (T*)(half + x),
                    Side * TSimd.Count
                );
            for (var y = 0; y < Read; y++)
            {
                var row = half + Side * y;
                Spread(row[0], row[1], row[2], row[3], to + Read * y * step, step);
            }
        }
    }

    /// <summary>Gᵀ m G for a vector of kernels: nine vectors, in the order of the taps.</summary>
    /// <param name="products">The first point.</param>
    /// <param name="step">Elements from a point to the next.</param>
    /// <param name="half">Room for 18 vectors.</param>
    /// <param name="taps">The nine.</param>
    public static void Collect(T* products, nint step, V* half, V* taps)
    {
        for (var x = 0; x < Read; x++, products += step)
            Collect(
                TSimd.Load(products),
                TSimd.Load(products + Read * step),
                TSimd.Load(products + 2 * Read * step),
                TSimd.Load(products + 3 * Read * step),
                TSimd.Load(products + 4 * Read * step),
                TSimd.Load(products + 5 * Read * step),
                half + x,
                Read
            );
        for (var y = 0; y < 3; y++)
        {
            var row = half + Read * y;
            Collect(row[0], row[1], row[2], row[3], row[4], row[5], taps + 3 * y, 1);
        }
    }

    /// <summary>Bᵀ d for one column.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Transform(V d0, V d1, V d2, V d3, V d4, V d5, T* to, nint step)
    {
        var (near, far) = (Constant(WinogradPoints.Near), Constant(WinogradPoints.Far));
        var (nearSquare, farSquare) = (Constant(-WinogradPoints.NearSquare), Constant(-WinogradPoints.FarSquare));
        var (sum, product) = (Constant(-WinogradPoints.SquareSum), Constant(WinogradPoints.SquareProduct));
        TSimd.Store(TSimd.MultiplyAdd(d0, product, TSimd.MultiplyAdd(d2, sum, d4)), to);
        TSimd.Store(TSimd.MultiplyAdd(d1, product, TSimd.MultiplyAdd(d3, sum, d5)), to + 5 * step);
        var (even, odd) = (TSimd.MultiplyAdd(d2, farSquare, d4), TSimd.MultiplyAdd(d1, farSquare, d3));
        TSimd.Store(TSimd.MultiplyAdd(odd, near, even), to + step);
        TSimd.Store(TSimd.MultiplyAdd(odd, Constant(-WinogradPoints.Near), even), to + 2 * step);
        (even, odd) = (TSimd.MultiplyAdd(d2, nearSquare, d4), TSimd.MultiplyAdd(d1, nearSquare, d3));
        TSimd.Store(TSimd.MultiplyAdd(odd, far, even), to + 3 * step);
        TSimd.Store(TSimd.MultiplyAdd(odd, Constant(-WinogradPoints.Far), even), to + 4 * step);
    }

    /// <summary>Aᵀ m for one column.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Sum(V m0, V m1, V m2, V m3, V m4, V m5, out V a, out V b, out V c, out V d)
    {
        var (near, far) = (Constant(WinogradPoints.Near), Constant(WinogradPoints.Far));
        var (sum, difference) = (TSimd.Add(m1, m2), TSimd.Multiply(TSimd.Subtract(m1, m2), near));
        var (farSum, farDifference) = (TSimd.Add(m3, m4), TSimd.Multiply(TSimd.Subtract(m3, m4), far));
        var (nearSquare, farSquare) = (Constant(WinogradPoints.NearSquare), Constant(WinogradPoints.FarSquare));
        a = TSimd.Add(TSimd.Add(m0, sum), farSum);
        b = TSimd.Add(farDifference, difference);
        c = TSimd.MultiplyAdd(farSum, farSquare, TSimd.Multiply(sum, nearSquare));
        d = TSimd.MultiplyAdd(farDifference, farSquare, TSimd.MultiplyAdd(difference, nearSquare, m5));
    }

    /// <summary>A g for one column.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Spread(V g0, V g1, V g2, V g3, T* to, nint step)
    {
        var (near, far) = (Constant(WinogradPoints.Near), Constant(WinogradPoints.Far));
        var (nearSquare, farSquare) = (Constant(WinogradPoints.NearSquare), Constant(WinogradPoints.FarSquare));
        TSimd.Store(g0, to);
        TSimd.Store(g3, to + 5 * step);
        var (even, odd) = (TSimd.MultiplyAdd(g2, nearSquare, g0), TSimd.MultiplyAdd(g3, nearSquare, g1));
        TSimd.Store(TSimd.MultiplyAdd(odd, near, even), to + step);
        TSimd.Store(TSimd.MultiplyAdd(odd, Constant(-WinogradPoints.Near), even), to + 2 * step);
        (even, odd) = (TSimd.MultiplyAdd(g2, farSquare, g0), TSimd.MultiplyAdd(g3, farSquare, g1));
        TSimd.Store(TSimd.MultiplyAdd(odd, far, even), to + 3 * step);
        TSimd.Store(TSimd.MultiplyAdd(odd, Constant(-WinogradPoints.Far), even), to + 4 * step);
    }

    /// <summary>Gᵀ m for one column.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Collect(V m0, V m1, V m2, V m3, V m4, V m5, V* to, int step)
    {
        var (sum, difference) = (TSimd.Add(m1, m2), TSimd.Subtract(m1, m2));
        var (farSum, farDifference) = (TSimd.Add(m3, m4), TSimd.Subtract(m3, m4));
        sum = TSimd.Multiply(sum, Constant(WinogradPoints.OfNear));
        farSum = TSimd.Multiply(farSum, Constant(WinogradPoints.OfFar));
        difference = TSimd.Multiply(difference, Constant(WinogradPoints.OfNear * WinogradPoints.Near));
        to[0] = TSimd.Add(TSimd.MultiplyAdd(m0, Constant(WinogradPoints.OfZero), sum), farSum);
        to[step] = TSimd.MultiplyAdd(farDifference, Constant(WinogradPoints.OfFar * WinogradPoints.Far), difference);
        to[2 * step] = TSimd.MultiplyAdd(
            farSum,
            Constant(WinogradPoints.FarSquare),
            TSimd.MultiplyAdd(sum, Constant(WinogradPoints.NearSquare), m5)
        );
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Constant(double value) =>
        TSimd.Create(
            typeof(T) == typeof(float) ? Unsafe.BitCast<float, T>((float)value) : Unsafe.BitCast<double, T>(value)
        );
}
