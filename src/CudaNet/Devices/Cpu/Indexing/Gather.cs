namespace CudaNet;

/// <summary>Gather and scatter by element size, scatter_add by type. Lines along the last axis are walked; all other axes are unravelled once.</summary>
internal static unsafe class CpuGather
{
    public static void Gather(in OpCall call) =>
        TypedKernel.Sized(call, call.Input(0).DType, Gather<byte>, Gather<ushort>, Gather<uint>, Gather<ulong>);

    public static void ScatterAdd(in OpCall call) =>
        TypedKernel.Floating(call, call.Input(0).DType, Scatter<float, AddUp<float>>, Scatter<double, AddUp<double>>);

    public static void Scatter(in OpCall call) =>
        TypedKernel.Sized(
            call,
            call.Input(0).DType,
            Scatter<byte, Overwrite<byte>>,
            Scatter<ushort, Overwrite<ushort>>,
            Scatter<uint, Overwrite<uint>>,
            Scatter<ulong, Overwrite<ulong>>
        );

    /// <summary>What becomes of an element when another one is put in its place.</summary>
    private interface IPut<T>
    {
        static abstract T Put(T old, T value);
    }

    private readonly struct AddUp<T> : IPut<T>
        where T : System.Numerics.INumber<T>
    {
        public static T Put(T old, T value) => old + value;
    }

    private readonly struct Overwrite<T> : IPut<T>
    {
        public static T Put(T old, T value) => value;
    }

    private static void Gather<T>(in OpCall call)
        where T : unmanaged
    {
        var (input, index) = (call.Input(0), call.Input(1));
        var walk = new IndexWalk(index, input.Shape, input.Strides.ToArray(), call.Attributes.Int(0), "gather");
        var (source, target) = ((nint)input.Data, (nint)call.Output(0).Data);
        var length = walk.Length;
        CpuThreads.For(
            walk.Lines,
            length,
            (first, last) =>
            {
                for (var line = first; line < last; line++)
                {
                    var (indices, origin) = walk.Line(line);
                    var row = (T*)target + line * length;
                    for (long j = 0; j < length; j++)
                    {
                        var at = walk.Checked(((long*)indices)[j * walk.IndexStep]);
                        row[j] = at < 0 ? default : ((T*)source)[origin + j * walk.Along + at];
                    }
                }
            }
        );
        walk.ThrowIfOutOfRange();
    }

    private static void Scatter<T, TPut>(in OpCall call)
        where T : unmanaged
        where TPut : IPut<T>
    {
        var (input, index, src, output) = (call.Input(0), call.Input(1), call.Input(2), call.Output(0));
        if (!input.IsContiguous)
        {
            ReferenceRunner.Run(call);
            return;
        }
        var bytes = output.NumElements * sizeof(T);
        Buffer.MemoryCopy(input.Data, output.Data, bytes, bytes);
        var walk = new IndexWalk(index, output.Shape, output.StrideArray, call.Attributes.Int(0), call.Op.Name);
        var target = (T*)output.Data;
        var values = (T*)src.Data;
        // One thread: two lines may meet in one element, and their order is part of the result.
        for (long line = 0; line < walk.Lines; line++)
        {
            var (indices, origin) = walk.Line(line);
            var row = values + walk.Offset(line, src.Strides);
            var step = src.Strides[^1];
            for (long j = 0; j < walk.Length; j++)
            {
                var at = walk.Checked(((long*)indices)[j * walk.IndexStep]);
                if (at >= 0)
                {
                    var place = target + origin + j * walk.Along + at;
                    *place = TPut.Put(*place, row[j * step]);
                }
            }
        }
        walk.ThrowIfOutOfRange();
    }

    /// <summary>The lines of an index tensor along its last axis, and where each begins in the tensor that it picks from.</summary>
    private sealed class IndexWalk
    {
        private readonly Tensor _index;
        private readonly Shape _shape;
        private readonly long[] _strides;
        private readonly int _dim;
        private readonly string _op;
        private long _wrong;
        private bool _failed;

        public IndexWalk(Tensor index, Shape shape, long[] strides, long dim, string op)
        {
            (_index, _shape, _strides, _op) = (index, shape, strides, op);
            _dim = shape.Axis(dim, op);
            Length = index.Shape[-1];
            Lines = Length == 0 ? 0 : index.NumElements / Length;
            IndexStep = index.Strides[^1];
            Along = _dim == shape.Rank - 1 ? 0 : strides[^1];
        }

        public long Length { get; }

        public long Lines { get; }

        public long IndexStep { get; }

        /// <summary>The step along the last axis in the other tensor; 0 when the index decides there.</summary>
        public long Along { get; }

        public (nint Indices, long Origin) Line(long line)
        {
            long origin = 0;
            long at = 0;
            for (var axis = _shape.Rank - 2; axis >= 0; axis--)
            {
                var position = line % _index.Shape[axis];
                line /= _index.Shape[axis];
                at += position * _index.Strides[axis];
                origin += axis == _dim ? 0 : position * _strides[axis];
            }
            return ((nint)((long*)_index.Data + at), origin);
        }

        /// <summary>Where a line begins in a tensor with the shape of the index.</summary>
        public long Offset(long line, ReadOnlySpan<long> strides)
        {
            long offset = 0;
            for (var axis = _shape.Rank - 2; axis >= 0; axis--)
            {
                offset += line % _index.Shape[axis] * strides[axis];
                line /= _index.Shape[axis];
            }
            return offset;
        }

        /// <summary>The offset of a position; −1, and an error at the end, for one out of range.</summary>
        public long Checked(long index)
        {
            if ((ulong)index < (ulong)_shape[_dim])
                return index * _strides[_dim];
            _wrong = index;
            _failed = true;
            return -1;
        }

        public void ThrowIfOutOfRange()
        {
            if (_failed)
                throw GatherRules.OutOfRange(_op, _wrong, _dim, _shape);
        }
    }
}
