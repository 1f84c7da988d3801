using System.Runtime.InteropServices;

namespace CudaNet;

/// <summary>A tensor (samples, …) as dense rows, one for each sample: in place where a sample has no gaps, else copied to a line.</summary>
internal readonly unsafe struct SampleRows<T>
    where T : unmanaged
{
    private readonly nint _data;
    private readonly long _step;
    private readonly long[] _shape;
    private readonly long[] _strides;
    private readonly bool _isDense;

    /// <summary>The rows of <paramref name="tensor"/>, whose first <paramref name="batchAxes"/> axes, 0 or 1, count samples.</summary>
    public SampleRows(Tensor tensor, int batchAxes = 1)
    {
        _data = (nint)tensor.Data;
        _step = batchAxes == 0 ? 0 : tensor.Strides[0];
        _shape = tensor.Shape.Dims[batchAxes..].ToArray();
        _strides = tensor.Strides[batchAxes..].ToArray();
        _isDense = true;
        long expected = 1;
        for (var axis = _shape.Length - 1; axis >= 0; axis--)
        {
            _isDense &= _shape[axis] == 1 || _strides[axis] == expected;
            expected *= _shape[axis];
        }
        Length = checked((int)expected);
    }

    /// <summary>The elements of a row.</summary>
    public int Length { get; }

    /// <summary>Room for one row, or null where rows are read in place; <see cref="NativeMemory.Free"/> ends it.</summary>
    public T* NewLine() => _isDense ? null : (T*)NativeMemory.Alloc((nuint)Math.Max(1, Length), (nuint)sizeof(T));

    /// <summary>A row; with a line, it lies there until the next call.</summary>
    public T* Row(long row, T* line)
    {
        var first = (T*)_data + row * _step;
        if (line == null)
            return first;
        for (var i = 0; i < Length; i++)
        {
            long rest = i,
                at = 0;
            for (var axis = _shape.Length - 1; axis >= 0; axis--)
            {
                at += rest % _shape[axis] * _strides[axis];
                rest /= _shape[axis];
            }
            line[i] = first[at];
        }
        return line;
    }
}
