using System.Numerics;
using System.Runtime.InteropServices;

namespace CudaNet;

/// <summary>
/// The rows of a plane, or of a volume, that a row of windows looks at, with the padding filled in and split by the stride: phase p holds the positions p,
/// p + stride, … So each element of a window (a tap) is, for neighbouring windows, a run of neighbours, whatever stride and dilation.
/// Rows stay while the next windows overlap them.
/// </summary>
internal sealed unsafe class PoolRows<T> : IDisposable
    where T : unmanaged, INumber<T>
{
    private readonly PoolAxis _z;
    private readonly PoolAxis _y;
    private readonly PoolAxis _x;
    private readonly long _pitch;
    private readonly long _rowSize;
    private readonly int _slots;
    private readonly int _slices;
    private readonly T* _memory;
    private readonly long[] _held;
    private readonly long[] _offsets;
    private readonly nint[] _taps;
    private readonly int[] _numbers;

    /// <param name="pool">Windows that slide.</param>
    /// <param name="lanes">How many elements are read at a time, also at the end of a row.</param>
    /// <param name="outside">The value of the padding.</param>
    public PoolRows(Pool pool, int lanes, T outside)
    {
        var (z, y, x) = (_z, _y, _x) = (pool.Z, pool.Y, pool.X);
        Width = (x.Output + lanes - 1) / lanes * lanes;
        _pitch = Math.Max(
            Width + (x.Kernel - 1) * x.Dilation / x.Stride,
            (x.Input + x.Padding + x.Stride - 1) / x.Stride
        );
        _slots = checked((int)((y.Kernel - 1) * y.Dilation + 1));
        _slices = checked((int)((z.Kernel - 1) * z.Dilation + 1));
        _held = new long[_slices * _slots];
        Array.Fill(_held, -1);
        _offsets = new long[x.Kernel];
        for (var kx = 0; kx < _offsets.Length; kx++)
            _offsets[kx] = kx * x.Dilation % x.Stride * _pitch + kx * x.Dilation / x.Stride;
        _taps = new nint[z.Kernel * y.Kernel * x.Kernel];
        _numbers = new int[_taps.Length];
        _rowSize = checked(x.Stride * _pitch);
        var elements = checked(_held.Length * _rowSize);
        _memory = (T*)NativeMemory.Alloc((nuint)elements, (nuint)sizeof(T));
        for (long i = 0; i < elements; i++)
            _memory[i] = outside;
    }

    /// <summary>The number of outputs in a row, rounded up to whole reads.</summary>
    public long Width { get; }

    /// <summary>How many taps of the current row of windows lie in the input.</summary>
    public int Count { get; private set; }

    /// <summary>Where the values of a tap lie, one for each window of the row.</summary>
    public T* Tap(int index) => (T*)_taps[index];

    /// <summary>A tap's number in the whole window, row by row.</summary>
    public int Number(int index) => _numbers[index];

    /// <summary>Goes to a row of windows of a plane.</summary>
    public void Seek(T* plane, long planeNumber, long slice, long output)
    {
        Count = 0;
        var number = 0;
        for (var kz = 0; kz < _z.Kernel; kz++)
        for (var ky = 0; ky < _y.Kernel; ky++, number += _offsets.Length)
        {
            var (z, y) = (_z.Start(slice) + kz * _z.Dilation, _y.Start(output) + ky * _y.Dilation);
            if (z < 0 || z >= _z.Input || y < 0 || y >= _y.Input)
                continue;
            var at = z * _y.Input + y;
            var slot = (int)((uint)z % (uint)_slices) * _slots + (int)((uint)y % (uint)_slots);
            var row = _memory + slot * _rowSize;
            var held = planeNumber * _z.Input * _y.Input + at;
            if (_held[slot] != held)
            {
                Fill(row, plane + at * _x.Input);
                _held[slot] = held;
            }
            for (var kx = 0; kx < _offsets.Length; kx++)
            {
                _taps[Count] = (nint)(row + _offsets[kx]);
                _numbers[Count++] = number + kx;
            }
        }
    }

    private void Fill(T* row, T* source)
    {
        var (width, stride, padding) = (_x.Input, _x.Stride, _x.Padding);
        if (stride == 1)
        {
            Buffer.MemoryCopy(source, row + padding, width * sizeof(T), width * sizeof(T));
            return;
        }
        if (stride == 2 && sizeof(T) == sizeof(uint))
        {
            var first = padding % 2;
            if (first == 1)
                row[_pitch + padding / 2] = source[0];
            var place = (padding + first) / 2;
            Split((uint*)source + first, (uint*)row + place, (uint*)row + _pitch + place, width - first);
            return;
        }
        for (long phase = 0; phase < stride; phase++)
        {
            var at = ((phase - padding) % stride + stride) % stride;
            var target = row + phase * _pitch + (at + padding) / stride;
            for (; at < width; at += stride)
                *target++ = source[at];
        }
    }

    /// <summary>Even and odd positions, as the halves of 64-bit numbers.</summary>
    private static void Split(uint* source, uint* even, uint* odd, long count)
    {
        var lanes = Vector<uint>.Count;
        long i = 0;
        if (BitConverter.IsLittleEndian)
            for (; i <= count - 2 * lanes; i += 2 * lanes)
            {
                var low = Vector.Load((ulong*)(source + i));
                var high = Vector.Load((ulong*)(source + i + lanes));
                Vector.Narrow(low, high).Store(even + i / 2);
                Vector.Narrow(low >> 32, high >> 32).Store(odd + i / 2);
            }
        for (; i < count; i++)
            (i % 2 == 0 ? even : odd)[i / 2] = source[i];
    }

    public void Dispose() => NativeMemory.Free(_memory);
}
