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
                if (inside && _columns.Stride is (2 or 4) && _columns.Phases == _columns.Stride)
                {
                    FillPhases(source, line);
                    continue;
                }
                for (nint columnPhase = 0; columnPhase < _columns.Phases; columnPhase++, line += Plane)
                    if (inside)
                        FillRow(source, new Span<T>(line, (int)Pitch), columnPhase);
                    else
                        new Span<T>(line, (int)Pitch).Clear();
            }
            for (nint columnPhase = 0; columnPhase < _columns.Phases; columnPhase++)
                new Span<T>(to + columnPhase * Plane + _rows.Read * Pitch, (int)(Plane - _rows.Read * Pitch)).Clear();
        }
    }

    /// <summary>Fills a row of two or four phases, four positions of each at a time.</summary>
    private unsafe void FillPhases<T>(T* from, T* to)
        where T : unmanaged
    {
        var (stride, before, extent, plane) = (_columns.Stride, _columns.Before, _columns.Extent, Plane);
        // The positions of which all phases lie in the image.
        var (first, end) = (Ceiling(before, stride), Math.Min(Pitch, (before + extent) / stride));
        if (typeof(T) != typeof(float) || !Sse.IsSupported || end - first < 4)
            (first, end) = (0, 0);
        for (var i = first; i < end; i += 4)
        {
            // The last four may overlap those before them.
            i = Math.Min(i, end - 4);
            var source = (float*)from + stride * i - before;
            var line = (float*)to + i;
            var (a, b) = (Sse.LoadVector128(source), Sse.LoadVector128(source + 4));
            if (stride == 2)
            {
                Sse.Store(line, Sse.Shuffle(a, b, 0b10_00_10_00));
                Sse.Store(line + plane, Sse.Shuffle(a, b, 0b11_01_11_01));
                continue;
            }
            var (c, d) = (Sse.LoadVector128(source + 8), Sse.LoadVector128(source + 12));
            var (low, high) = (Sse.UnpackLow(a, b), Sse.UnpackHigh(a, b));
            var (nextLow, nextHigh) = (Sse.UnpackLow(c, d), Sse.UnpackHigh(c, d));
            Sse.Store(line, Sse.MoveLowToHigh(low, nextLow));
            Sse.Store(line + plane, Sse.MoveHighToLow(nextLow, low));
            Sse.Store(line + 2 * plane, Sse.MoveLowToHigh(high, nextHigh));
            Sse.Store(line + 3 * plane, Sse.MoveHighToLow(nextHigh, high));
        }
        FillAny(0, first);
        FillAny(end, Pitch);

        void FillAny(nint i, nint last)
        {
            for (; i < last; i++)
            for (nint phase = 0; phase < stride; phase++)
            {
                var column = stride * i + phase - before;
                to[phase * plane + i] = (nuint)column < (nuint)extent ? from[column] : default;
            }
        }
    }

    private unsafe void FillRow<T>(T* from, Span<T> line, nint phase)
        where T : unmanaged
    {
        var (stride, before) = (_columns.Stride, _columns.Before);
        // The first position of this phase that lies in the image, and the first behind it.
        var first = phase >= before ? 0 : Ceiling(before - phase, stride);
        var end = Math.Min(line.Length, Ceiling(before + _columns.Extent - phase, stride));
        line[..(int)first].Clear();
        line[(int)Math.Max(first, end)..].Clear();
        if (end <= first)
            return;
        var source = from + first * stride + phase - before;
        if (stride == 1)
        {
            new Span<T>(source, (int)(end - first)).CopyTo(line[(int)first..]);
            return;
        }
        fixed (T* to = line)
            Gather(source, stride, to + first, end - first);
    }

    /// <summary>Copies elements that lie a stride apart.</summary>
    private static unsafe void Gather<T>(T* from, nint stride, T* to, nint count)
        where T : unmanaged
    {
        for (nint i = 0; i < count; i++)
            to[i] = from[i * stride];
    }
}
