using System.Runtime.Intrinsics.X86;

namespace CudaNet;

/// <summary>One axis along which kernels slide: what is read of it, in positions that count from the first zero of the padding.</summary>
/// <param name="Extent">Positions of the image.</param>
/// <param name="Before">Zeros in front of it.</param>
/// <param name="Last">The last position that is read.</param>
/// <param name="Stride">The distance of the positions that neighbouring results read.</param>
/// <param name="Results">Results along it, which must not run over into the next row.</param>
internal readonly record struct ConvAxis(nint Extent, nint Before, nint Last, nint Stride, nint Results)
{
    public nint Phases => Math.Min(Stride, Last + 1);

    /// <summary>Positions of one phase that are read.</summary>
    public nint Read => Last / Stride + 1;
}

/// <summary>
/// Zero-padded images in an order in which every tap of a kernel is one offset: the positions that belong to one remainder by the
/// stride form a plane of their own, so that neighbouring results read neighbours whatever the stride. A row's zeros at the right are
/// those at the left of the next row.
/// </summary>
internal readonly struct ConvLayout
{
    private readonly ConvAxis _rows;
    private readonly ConvAxis _columns;

    public ConvLayout(nint channels, ConvAxis rows, ConvAxis columns)
    {
        (_rows, _columns) = (rows, columns);
        var after = columns.Last + 1 - columns.Before - columns.Extent;
        Pitch = Math.Max(Ceiling(columns.Extent + Math.Max(columns.Before, after), columns.Stride), columns.Results);
        Plane = rows.Read * Pitch + Math.Max(0, columns.Read - Pitch);
        Channel = rows.Phases * columns.Phases * Plane;
        Image = channels * Channel;
    }

    /// <summary>Elements from a row to the next.</summary>
    public nint Pitch { get; }

    /// <summary>Elements of a channel, all phases together.</summary>
    public nint Channel { get; }

    /// <summary>Elements of an image.</summary>
    public nint Image { get; }

    private nint Plane { get; }

    /// <summary>Where a position of channel 0 lies.</summary>
    public nint Offset(nint row, nint column) =>
        (row % _rows.Stride * _columns.Phases + column % _columns.Stride) * Plane
        + row / _rows.Stride * Pitch
        + column / _columns.Stride;

    public static nint Ceiling(nint a, nint b) => (a + b - 1) / b;

    /// <summary>Lays out one channel.</summary>
    public unsafe void Fill<T>(T* from, T* to)
        where T : unmanaged
    {
        for (nint phase = 0; phase < _rows.Phases; phase++, to += _columns.Phases * Plane)
        {
            for (nint i = 0; i < _rows.Read; i++)
            {
                var row = i * _rows.Stride + phase - _rows.Before;
                var source = from + row * _columns.Extent;
                var line = to + i * Pitch;
                var inside = row >= 0 && row < _rows.Extent;
                var (first, end) = inside && _columns.Phases == 4 ? FillQuarters(source, line) : (0, 0);
                for (nint columnPhase = 0; columnPhase < _columns.Phases; columnPhase++, line += Plane)
                    if (inside)
                        FillRow(source, line, columnPhase, first, end);
                    else
                        new Span<T>(line, (int)Pitch).Clear();
            }
            for (nint columnPhase = 0; columnPhase < _columns.Phases; columnPhase++)
                new Span<T>(to + columnPhase * Plane + _rows.Read * Pitch, (int)(Plane - _rows.Read * Pitch)).Clear();
        }
    }

    /// <summary>Of a stride of 4 the positions that all phases have, sixteen elements at a time.</summary>
    private unsafe (nint First, nint End) FillQuarters<T>(T* from, T* to)
        where T : unmanaged
    {
        if (typeof(T) != typeof(float) || !Sse.IsSupported)
            return (0, 0);
        var first = Ceiling(_columns.Before, 4);
        var end = Math.Min(Pitch, (_columns.Before + _columns.Extent) / 4);
        var i = first;
        for (; i <= end - 4; i += 4)
        {
            var source = (float*)from + 4 * i - _columns.Before;
            var line = (float*)to + i;
            var (a, b) = (Sse.LoadVector128(source), Sse.LoadVector128(source + 4));
            var (c, d) = (Sse.LoadVector128(source + 8), Sse.LoadVector128(source + 12));
            var (low, high) = (Sse.UnpackLow(a, b), Sse.UnpackHigh(a, b));
            var (nextLow, nextHigh) = (Sse.UnpackLow(c, d), Sse.UnpackHigh(c, d));
            Sse.Store(line, Sse.MoveLowToHigh(low, nextLow));
            Sse.Store(line + Plane, Sse.MoveHighToLow(nextLow, low));
            Sse.Store(line + 2 * Plane, Sse.MoveLowToHigh(high, nextHigh));
            Sse.Store(line + 3 * Plane, Sse.MoveHighToLow(nextHigh, high));
        }
        return (first, i);
    }

    /// <summary>Fills the row of one phase but for positions from <paramref name="done"/> to <paramref name="doneEnd"/>.</summary>
    private unsafe void FillRow<T>(T* from, T* to, nint phase, nint done, nint doneEnd)
        where T : unmanaged
    {
        var (stride, before) = (_columns.Stride, _columns.Before);
        var line = new Span<T>(to, (int)Pitch);
        // The first position of this phase that lies in the image, and the first behind it.
        var first = phase >= before ? 0 : Ceiling(before - phase, stride);
        var end = Math.Min(line.Length, Ceiling(before + _columns.Extent - phase, stride));
        line[..(int)first].Clear();
        line[(int)Math.Max(first, end)..].Clear();
        var source = from + phase - before;
        if (doneEnd > done)
        {
            Gather(source + first * stride, stride, to + first, done - first);
            first = doneEnd;
        }
        if (end <= first)
            return;
        if (stride == 1)
            new Span<T>(source + first, (int)(end - first)).CopyTo(line[(int)first..]);
        else
            Gather(source + first * stride, stride, to + first, end - first);
    }

    /// <summary>Copies elements that lie a stride apart; where it is 2, four or two at a time.</summary>
    private static unsafe void Gather<T>(T* from, nint stride, T* to, nint count)
        where T : unmanaged
    {
        nint i = 0;
        if (stride == 2 && typeof(T) == typeof(float) && Sse.IsSupported)
            for (; i <= count - 4; i += 4)
            {
                var (x, y) = (Sse.LoadVector128((float*)from + 2 * i), Sse.LoadVector128((float*)from + 2 * i + 3));
                Sse.Store((float*)to + i, Sse.Shuffle(x, y, 0b11_01_10_00));
            }
        else if (stride == 2 && typeof(T) == typeof(double) && Sse2.IsSupported)
            for (; i <= count - 2; i += 2)
            {
                var (x, y) = (Sse2.LoadVector128((double*)from + 2 * i), Sse2.LoadVector128((double*)from + 2 * i + 1));
                Sse2.Store((double*)to + i, Sse2.Shuffle(x, y, 0b10));
            }
        for (; i < count; i++)
            to[i] = from[i * stride];
    }
}
