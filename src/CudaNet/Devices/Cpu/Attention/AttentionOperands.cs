using System.Numerics;
using System.Runtime.CompilerServices;

namespace CudaNet;

/// <summary>The matrices of a tensor (…, rows, columns), by their number in its leading axes.</summary>
internal readonly unsafe struct AttentionOperand<T>
    where T : unmanaged
{
    private readonly T* _data;
    private readonly Shape _leading;
    private readonly long[] _strides;

    /// <param name="tensor">The tensor, strided in any way.</param>
    /// <param name="shape">What it is broadcast to.</param>
    public AttentionOperand(Tensor tensor, Shape shape)
    {
        _data = (T*)tensor.Data;
        _leading = new Shape(shape.Dims[..^2]);
        _strides = new long[_leading.Rank];
        Row = (nint)Stride(tensor, -2);
        Column = (nint)Stride(tensor, -1);
        for (var axis = 0; axis < _strides.Length; axis++)
            _strides[axis] = Stride(tensor, axis - shape.Rank);
    }

    public nint Row { get; }

    public nint Column { get; }

    public T* At(long index)
    {
        long offset = 0;
        for (var axis = _strides.Length - 1; axis >= 0; axis--)
        {
            var (rest, at) = Math.DivRem(index, _leading[axis]);
            offset += at * _strides[axis];
            index = rest;
        }
        return _data + offset;
    }

    /// <summary>The stride of an axis, counted from the last one; 0 where the tensor repeats itself.</summary>
    private static long Stride(Tensor tensor, int axis) =>
        -axis > tensor.Rank || tensor.Shape[axis] == 1 ? 0 : tensor.Strides[axis + tensor.Rank];
}

/// <summary>Attention as the CPU kernels of both directions see it.</summary>
internal readonly unsafe struct AttentionProblem<T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly AttentionOperand<T> _mask;
    private readonly AttentionOperand<byte> _boolMask;
    private readonly long* _lengths;
    private readonly long _itemsPerLength;
    private readonly bool _causal;
    private readonly uint _threshold;
    private readonly T _keptScale;
    private readonly (ulong Seed, ulong First) _origin;
    private readonly bool _hasMask;
    private readonly bool _maskIsBool;

    /// <param name="call">The call.</param>
    /// <param name="at">The number of the query among its inputs.</param>
    public AttentionProblem(in OpCall call, int at)
    {
        var (query, key, value) = (call.Input(at), call.Input(at + 1), call.Input(at + 2));
        Shapes = AttentionShapes.Of(query.Shape, key.Shape, value.Shape);
        Query = new(query, query.Shape);
        Key = new(key, key.Shape);
        Value = new(value, value.Shape);
        Scale = T.CreateTruncating(AttentionAttributes.ScaleOf(call.Attributes, Shapes.Size));
        _causal = call.Attributes.Bool(AttentionAttributes.Causal);
        if (call.Inputs[at + 3] is { } mask)
        {
            (_hasMask, _maskIsBool) = (true, mask.DType == DType.Bool);
            if (_maskIsBool)
                _boolMask = new(mask, Shapes.Scores);
            else
                _mask = new(mask, Shapes.Scores);
        }
        if (call.Inputs[at + 4] is { NumElements: > 0 } lengths)
        {
            _lengths = (long*)lengths.Data;
            _itemsPerLength = Shapes.Items / lengths.NumElements;
        }
        var p = call.Attributes.Float(AttentionAttributes.Dropout);
        if (p == 0)
            return;
        // u < p for u = word >> 8 times 2^-24 is a comparison of integers, as in the dropout op.
        _threshold = (uint)Math.Ceiling(p * (1 << 24));
        _keptScale = T.CreateTruncating(DropoutOp.Scale(p));
        _origin = CpuRandom.Origin(call.Input(at + 5), call.Attributes.Int(AttentionAttributes.Offset));
    }

    public AttentionShapes Shapes { get; }

    public AttentionOperand<T> Query { get; }

    public AttentionOperand<T> Key { get; }

    public AttentionOperand<T> Value { get; }

    public T Scale { get; }

    public bool Drops => _threshold > 0;

    /// <summary>How many keys a query sees, but for the mask.</summary>
    public long Seen(long item, long query)
    {
        var length = _lengths == null ? Shapes.Keys : Math.Clamp(_lengths[item / _itemsPerLength], 0, Shapes.Keys);
        return _causal ? Math.Min(length, query + 1) : length;
    }

    /// <summary>From the products of a query with <paramref name="count"/> keys from <paramref name="first"/> on to their scores, but for
    /// a positive factor, which it gives: without a mask the scale is left to whoever reads the row next. The row has room up to whole
    /// registers.</summary>
    public T Score<V>(T* row, long item, long query, long first, int count)
        where V : unmanaged, ISimd<V, T>
    {
        if (!_hasMask && Scale > T.Zero)
            return Scale;
        var scale = V.Create(Scale);
        for (var j = 0; j < count; j += V.Count)
            (V.Load(row + j) * scale).Store(row + j);
        if (_maskIsBool)
            Hide<V>(row, _boolMask.At(item) + query * _boolMask.Row + first * _boolMask.Column, count);
        else if (_hasMask)
            Add<V>(row, _mask.At(item) + query * _mask.Row + first * _mask.Column, _mask.Column, count);
        return T.One;
    }

    private static void Add<V>(T* row, T* mask, nint step, int count)
        where V : unmanaged, ISimd<V, T>
    {
        var j = 0;
        for (; step == 1 && j <= count - V.Count; j += V.Count)
            (V.Load(row + j) + V.Load(mask + j)).Store(row + j);
        for (; j < count; j++)
            row[j] += mask[j * step];
    }

    private void Hide<V>(T* row, byte* mask, int count)
        where V : unmanaged, ISimd<V, T>
    {
        var (step, j, nothing) = (_boolMask.Column, 0, V.Create(T.NegativeInfinity));
        for (; step == 1 && j <= count - V.Count; j += V.Count)
            V.Select(V.LoadMask(mask + j), V.Load(row + j), nothing).Store(row + j);
        for (; j < count; j++)
            if (mask[j * step] == 0)
                row[j] = T.NegativeInfinity;
    }

    /// <summary>What dropout multiplies the weights of a query by, for keys from <paramref name="first"/>, a multiple of 4, on. The row
    /// has room for whole counters.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Draw(T* factors, long item, long query, long first, int count)
    {
        const int Lanes = AttentionShapes.Lanes;
        var counter = (item * Shapes.Queries + query) * Shapes.CountersPerRow + first / Lanes;
        for (var j = 0; j < count; j += Lanes, counter++)
        {
            var words = Random.Philox.Block(_origin.Seed, _origin.First + (ulong)counter, 0);
            factors[j] = words.W0 >> 8 >= _threshold ? _keptScale : T.Zero;
            factors[j + 1] = words.W1 >> 8 >= _threshold ? _keptScale : T.Zero;
            factors[j + 2] = words.W2 >> 8 >= _threshold ? _keptScale : T.Zero;
            factors[j + 3] = words.W3 >> 8 >= _threshold ? _keptScale : T.Zero;
        }
    }
}
