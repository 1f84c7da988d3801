using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace CudaNet;

/// <summary>The size of a register tile, known to the JIT: rows, and vectors per row (1 or 2).</summary>
internal interface ITile
{
    static abstract int Rows { get; }

    static abstract int Vectors { get; }
}

/// <summary>A number as a type.</summary>
internal interface INumber
{
    static abstract int Value { get; }
}

internal readonly struct N1 : INumber
{
    public static int Value => 1;
}

internal readonly struct N2 : INumber
{
    public static int Value => 2;
}

internal readonly struct N3 : INumber
{
    public static int Value => 3;
}

internal readonly struct N4 : INumber
{
    public static int Value => 4;
}

internal readonly struct N5 : INumber
{
    public static int Value => 5;
}

internal readonly struct N6 : INumber
{
    public static int Value => 6;
}

internal readonly struct N7 : INumber
{
    public static int Value => 7;
}

internal readonly struct N8 : INumber
{
    public static int Value => 8;
}

internal readonly struct N9 : INumber
{
    public static int Value => 9;
}

internal readonly struct N10 : INumber
{
    public static int Value => 10;
}

internal readonly struct N11 : INumber
{
    public static int Value => 11;
}

internal readonly struct N12 : INumber
{
    public static int Value => 12;
}

internal readonly struct N13 : INumber
{
    public static int Value => 13;
}

internal readonly struct N14 : INumber
{
    public static int Value => 14;
}

internal readonly struct Tile<TRows, TVectors> : ITile
    where TRows : struct, INumber
    where TVectors : struct, INumber
{
    public static int Rows => TRows.Value;

    public static int Vectors => TVectors.Value;
}

/// <summary>What a tile is part of, known to the JIT.</summary>
internal interface ITileUse
{
    /// <summary>Whether the rows of B lie at offsets from a table and the bias belongs to rows; otherwise at even steps, and to columns.</summary>
    static abstract bool IsConvolution { get; }
}

internal readonly struct OfMatrix : ITileUse
{
    public static bool IsConvolution => false;
}

internal readonly struct OfConvolution : ITileUse
{
    public static bool IsConvolution => true;
}

/// <summary>
/// C = A · B for one register tile: up to 14 rows of one or two vectors, the accumulators in named locals, which alone the JIT keeps in
/// registers. Rows that a tile does not have are dead code. A and B may be packed or not: A is read at any row and column stride,
/// B at any row stride, so small products need no packing, or at offsets from a table, so that a convolution needs no copy of B.
/// </summary>
internal static unsafe class GemmKernel<TSimd, V, T>
    where TSimd : struct, IGemmVector<T, V>
    where V : struct
    where T : unmanaged
{
    /// <summary>The most rows for which the registers suffice.</summary>
    public static int Rows => typeof(V) == typeof(Vector512<T>) ? 14 : 6;

    /// <summary>The tile's columns.</summary>
    public static int Columns => 2 * TSimd.Count;

    /// <param name="depth">K of this block.</param>
    /// <param name="a">The first element of the tile's rows of A.</param>
    /// <param name="aRow">Bytes between rows of A.</param>
    /// <param name="aCol">Bytes between columns of A.</param>
    /// <param name="b">The first element of the tile's columns of B.</param>
    /// <param name="bRow">Elements between rows of B; for a convolution the address of a table with the offset of each row.</param>
    /// <param name="c">The tile's first element.</param>
    /// <param name="cRow">Elements between rows of C.</param>
    /// <param name="bias">Added to each row of the result, or null; for a convolution one element for each row.</param>
    /// <param name="accumulate">Whether the result is added to C instead of replacing it.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run<TTile, TUse>(
        nint depth,
        byte* a,
        nint aRow,
        nint aCol,
        T* b,
        nint bRow,
        T* c,
        nint cRow,
        T* bias,
        bool accumulate
    )
        where TTile : struct, ITile
        where TUse : struct, ITileUse
    {
        V l0 = TSimd.Zero,
            h0 = TSimd.Zero;
        V l1 = TSimd.Zero,
            h1 = TSimd.Zero;
        V l2 = TSimd.Zero,
            h2 = TSimd.Zero;
        V l3 = TSimd.Zero,
            h3 = TSimd.Zero;
        V l4 = TSimd.Zero,
            h4 = TSimd.Zero;
        V l5 = TSimd.Zero,
            h5 = TSimd.Zero;
        V l6 = TSimd.Zero,
            h6 = TSimd.Zero;
        V l7 = TSimd.Zero,
            h7 = TSimd.Zero;
        V l8 = TSimd.Zero,
            h8 = TSimd.Zero;
        V l9 = TSimd.Zero,
            h9 = TSimd.Zero;
        V l10 = TSimd.Zero,
            h10 = TSimd.Zero;
        V l11 = TSimd.Zero,
            h11 = TSimd.Zero;
        V l12 = TSimd.Zero,
            h12 = TSimd.Zero;
        V l13 = TSimd.Zero,
            h13 = TSimd.Zero;
        // Seven rows of addresses per pointer: base, stride, and 3 and 5 strides reach them all with x86's scaled indices.
        var (three, five) = (3 * aRow, 5 * aRow);
        var second = a + 7 * aRow;
        var offsets = TUse.IsConvolution ? (nint*)bRow : null;
        for (; depth > 0; depth--)
        {
            var row = TUse.IsConvolution ? b + *offsets++ : b;
            var low = TSimd.Load(row);
            var high = TTile.Vectors > 1 ? TSimd.Load(row + TSimd.Count) : TSimd.Zero;
            if (!TUse.IsConvolution)
                b += bRow;
            if (TTile.Rows > 0)
            {
                var x = TSimd.Broadcast((T*)a);
                l0 = TSimd.MultiplyAdd(x, low, l0);
                if (TTile.Vectors > 1)
                    h0 = TSimd.MultiplyAdd(x, high, h0);
            }
            if (TTile.Rows > 1)
            {
                var x = TSimd.Broadcast((T*)(a + aRow));
                l1 = TSimd.MultiplyAdd(x, low, l1);
                if (TTile.Vectors > 1)
                    h1 = TSimd.MultiplyAdd(x, high, h1);
            }
            if (TTile.Rows > 2)
            {
                var x = TSimd.Broadcast((T*)(a + 2 * aRow));
                l2 = TSimd.MultiplyAdd(x, low, l2);
                if (TTile.Vectors > 1)
                    h2 = TSimd.MultiplyAdd(x, high, h2);
            }
            if (TTile.Rows > 3)
            {
                var x = TSimd.Broadcast((T*)(a + three));
                l3 = TSimd.MultiplyAdd(x, low, l3);
                if (TTile.Vectors > 1)
                    h3 = TSimd.MultiplyAdd(x, high, h3);
            }
            if (TTile.Rows > 4)
            {
                var x = TSimd.Broadcast((T*)(a + 4 * aRow));
                l4 = TSimd.MultiplyAdd(x, low, l4);
                if (TTile.Vectors > 1)
                    h4 = TSimd.MultiplyAdd(x, high, h4);
            }
            if (TTile.Rows > 5)
            {
                var x = TSimd.Broadcast((T*)(a + five));
                l5 = TSimd.MultiplyAdd(x, low, l5);
                if (TTile.Vectors > 1)
                    h5 = TSimd.MultiplyAdd(x, high, h5);
            }
            if (TTile.Rows > 6)
            {
                var x = TSimd.Broadcast((T*)(a + 2 * three));
                l6 = TSimd.MultiplyAdd(x, low, l6);
                if (TTile.Vectors > 1)
                    h6 = TSimd.MultiplyAdd(x, high, h6);
            }
            if (TTile.Rows > 7)
            {
                var x = TSimd.Broadcast((T*)second);
                l7 = TSimd.MultiplyAdd(x, low, l7);
                if (TTile.Vectors > 1)
                    h7 = TSimd.MultiplyAdd(x, high, h7);
            }
            if (TTile.Rows > 8)
            {
                var x = TSimd.Broadcast((T*)(second + aRow));
                l8 = TSimd.MultiplyAdd(x, low, l8);
                if (TTile.Vectors > 1)
                    h8 = TSimd.MultiplyAdd(x, high, h8);
            }
            if (TTile.Rows > 9)
            {
                var x = TSimd.Broadcast((T*)(second + 2 * aRow));
                l9 = TSimd.MultiplyAdd(x, low, l9);
                if (TTile.Vectors > 1)
                    h9 = TSimd.MultiplyAdd(x, high, h9);
            }
            if (TTile.Rows > 10)
            {
                var x = TSimd.Broadcast((T*)(second + three));
                l10 = TSimd.MultiplyAdd(x, low, l10);
                if (TTile.Vectors > 1)
                    h10 = TSimd.MultiplyAdd(x, high, h10);
            }
            if (TTile.Rows > 11)
            {
                var x = TSimd.Broadcast((T*)(second + 4 * aRow));
                l11 = TSimd.MultiplyAdd(x, low, l11);
                if (TTile.Vectors > 1)
                    h11 = TSimd.MultiplyAdd(x, high, h11);
            }
            if (TTile.Rows > 12)
            {
                var x = TSimd.Broadcast((T*)(second + five));
                l12 = TSimd.MultiplyAdd(x, low, l12);
                if (TTile.Vectors > 1)
                    h12 = TSimd.MultiplyAdd(x, high, h12);
            }
            if (TTile.Rows > 13)
            {
                var x = TSimd.Broadcast((T*)(second + 2 * three));
                l13 = TSimd.MultiplyAdd(x, low, l13);
                if (TTile.Vectors > 1)
                    h13 = TSimd.MultiplyAdd(x, high, h13);
            }
            a += aCol;
            if (TTile.Rows > 7)
                second += aCol;
        }
        if (TTile.Rows > 0)
            Put<TTile, TUse>(l0, h0, c, bias, 0, accumulate);
        if (TTile.Rows > 1)
            Put<TTile, TUse>(l1, h1, c + cRow, bias, 1, accumulate);
        if (TTile.Rows > 2)
            Put<TTile, TUse>(l2, h2, c + 2 * cRow, bias, 2, accumulate);
        if (TTile.Rows > 3)
            Put<TTile, TUse>(l3, h3, c + 3 * cRow, bias, 3, accumulate);
        if (TTile.Rows > 4)
            Put<TTile, TUse>(l4, h4, c + 4 * cRow, bias, 4, accumulate);
        if (TTile.Rows > 5)
            Put<TTile, TUse>(l5, h5, c + 5 * cRow, bias, 5, accumulate);
        if (TTile.Rows > 6)
            Put<TTile, TUse>(l6, h6, c + 6 * cRow, bias, 6, accumulate);
        if (TTile.Rows > 7)
            Put<TTile, TUse>(l7, h7, c + 7 * cRow, bias, 7, accumulate);
        if (TTile.Rows > 8)
            Put<TTile, TUse>(l8, h8, c + 8 * cRow, bias, 8, accumulate);
        if (TTile.Rows > 9)
            Put<TTile, TUse>(l9, h9, c + 9 * cRow, bias, 9, accumulate);
        if (TTile.Rows > 10)
            Put<TTile, TUse>(l10, h10, c + 10 * cRow, bias, 10, accumulate);
        if (TTile.Rows > 11)
            Put<TTile, TUse>(l11, h11, c + 11 * cRow, bias, 11, accumulate);
        if (TTile.Rows > 12)
            Put<TTile, TUse>(l12, h12, c + 12 * cRow, bias, 12, accumulate);
        if (TTile.Rows > 13)
            Put<TTile, TUse>(l13, h13, c + 13 * cRow, bias, 13, accumulate);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put<TTile, TUse>(V low, V high, T* c, T* bias, int row, bool accumulate)
        where TTile : struct, ITile
        where TUse : struct, ITileUse
    {
        if (bias != null)
        {
            low = TSimd.Add(low, TUse.IsConvolution ? TSimd.Broadcast(bias + row) : TSimd.Load(bias));
            if (TTile.Vectors > 1)
                high = TSimd.Add(
                    high,
                    TUse.IsConvolution ? TSimd.Broadcast(bias + row) : TSimd.Load(bias + TSimd.Count)
                );
        }
        if (accumulate)
        {
            low = TSimd.Add(low, TSimd.Load(c));
            if (TTile.Vectors > 1)
                high = TSimd.Add(high, TSimd.Load(c + TSimd.Count));
        }
        TSimd.Store(low, c);
        if (TTile.Vectors > 1)
            TSimd.Store(high, c + TSimd.Count);
    }

    /// <summary>Addresses of the kernels by rows − 1: first those with one vector per row, then those with two.</summary>
    public static nint[] Table<TUse>(int rows)
        where TUse : struct, ITileUse
    {
        nint[] one =
        [
            (nint)(delegate* <nint, byte*, nint, nint, T*, nint, T*, nint, T*, bool, void>)&Run<Tile<N1, N1>, TUse>,
            (nint)(delegate* <nint, byte*, nint, nint, T*, nint, T*, nint, T*, bool, void>)&Run<Tile<N2, N1>, TUse>,
            (nint)(delegate* <nint, byte*, nint, nint, T*, nint, T*, nint, T*, bool, void>)&Run<Tile<N3, N1>, TUse>,
            (nint)(delegate* <nint, byte*, nint, nint, T*, nint, T*, nint, T*, bool, void>)&Run<Tile<N4, N1>, TUse>,
            (nint)(delegate* <nint, byte*, nint, nint, T*, nint, T*, nint, T*, bool, void>)&Run<Tile<N5, N1>, TUse>,
            (nint)(delegate* <nint, byte*, nint, nint, T*, nint, T*, nint, T*, bool, void>)&Run<Tile<N6, N1>, TUse>,
            (nint)(delegate* <nint, byte*, nint, nint, T*, nint, T*, nint, T*, bool, void>)&Run<Tile<N7, N1>, TUse>,
            (nint)(delegate* <nint, byte*, nint, nint, T*, nint, T*, nint, T*, bool, void>)&Run<Tile<N8, N1>, TUse>,
            (nint)(delegate* <nint, byte*, nint, nint, T*, nint, T*, nint, T*, bool, void>)&Run<Tile<N9, N1>, TUse>,
            (nint)(delegate* <nint, byte*, nint, nint, T*, nint, T*, nint, T*, bool, void>)&Run<Tile<N10, N1>, TUse>,
            (nint)(delegate* <nint, byte*, nint, nint, T*, nint, T*, nint, T*, bool, void>)&Run<Tile<N11, N1>, TUse>,
            (nint)(delegate* <nint, byte*, nint, nint, T*, nint, T*, nint, T*, bool, void>)&Run<Tile<N12, N1>, TUse>,
            (nint)(delegate* <nint, byte*, nint, nint, T*, nint, T*, nint, T*, bool, void>)&Run<Tile<N13, N1>, TUse>,
            (nint)(delegate* <nint, byte*, nint, nint, T*, nint, T*, nint, T*, bool, void>)&Run<Tile<N14, N1>, TUse>,
        ];
        nint[] two =
        [
            (nint)(delegate* <nint, byte*, nint, nint, T*, nint, T*, nint, T*, bool, void>)&Run<Tile<N1, N2>, TUse>,
            (nint)(delegate* <nint, byte*, nint, nint, T*, nint, T*, nint, T*, bool, void>)&Run<Tile<N2, N2>, TUse>,
            (nint)(delegate* <nint, byte*, nint, nint, T*, nint, T*, nint, T*, bool, void>)&Run<Tile<N3, N2>, TUse>,
            (nint)(delegate* <nint, byte*, nint, nint, T*, nint, T*, nint, T*, bool, void>)&Run<Tile<N4, N2>, TUse>,
            (nint)(delegate* <nint, byte*, nint, nint, T*, nint, T*, nint, T*, bool, void>)&Run<Tile<N5, N2>, TUse>,
            (nint)(delegate* <nint, byte*, nint, nint, T*, nint, T*, nint, T*, bool, void>)&Run<Tile<N6, N2>, TUse>,
            (nint)(delegate* <nint, byte*, nint, nint, T*, nint, T*, nint, T*, bool, void>)&Run<Tile<N7, N2>, TUse>,
            (nint)(delegate* <nint, byte*, nint, nint, T*, nint, T*, nint, T*, bool, void>)&Run<Tile<N8, N2>, TUse>,
            (nint)(delegate* <nint, byte*, nint, nint, T*, nint, T*, nint, T*, bool, void>)&Run<Tile<N9, N2>, TUse>,
            (nint)(delegate* <nint, byte*, nint, nint, T*, nint, T*, nint, T*, bool, void>)&Run<Tile<N10, N2>, TUse>,
            (nint)(delegate* <nint, byte*, nint, nint, T*, nint, T*, nint, T*, bool, void>)&Run<Tile<N11, N2>, TUse>,
            (nint)(delegate* <nint, byte*, nint, nint, T*, nint, T*, nint, T*, bool, void>)&Run<Tile<N12, N2>, TUse>,
            (nint)(delegate* <nint, byte*, nint, nint, T*, nint, T*, nint, T*, bool, void>)&Run<Tile<N13, N2>, TUse>,
            (nint)(delegate* <nint, byte*, nint, nint, T*, nint, T*, nint, T*, bool, void>)&Run<Tile<N14, N2>, TUse>,
        ];
        return [.. one.AsSpan(0, rows), .. two.AsSpan(0, rows)];
    }
}
