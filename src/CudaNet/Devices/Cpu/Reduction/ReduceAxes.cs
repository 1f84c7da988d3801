namespace CudaNet;

/// <summary>
/// The axes of a strided tensor parted into those that a reduction keeps and those that it removes, neighbours merged where one stride steps
/// through both. Positions count in C order, so position i of the kept axes is element i of the output.
/// </summary>
internal sealed class ReduceAxes
{
    private readonly (long Size, long Stride)[] _kept;
    private readonly (long Size, long Stride)[] _removed;

    public ReduceAxes(Tensor input, ReadOnlySpan<long> axes, string op)
    {
        var shape = input.Shape.Reduce(axes, keepAxes: true, op);
        var removed = new bool[input.Rank];
        Array.Fill(removed, axes.IsEmpty);
        foreach (var axis in axes)
            if (input.Rank > 0)
                removed[input.Shape.Axis(axis, op)] = true;
        _kept = Merge(input, removed, false);
        _removed = Merge(input, removed, true);
        Outputs = shape.NumElements;
        Count = Outputs == 0 ? 0 : input.NumElements / Outputs;
    }

    /// <summary>The number of outputs.</summary>
    public long Outputs { get; }

    /// <summary>The number of elements that make one output.</summary>
    public long Count { get; }

    /// <summary>Whether the elements of one output lie side by side.</summary>
    public bool HasDenseRows => _removed.Length == 0 || (_removed.Length == 1 && _removed[0].Stride == 1);

    /// <summary>The number of elements of one output that lie side by side, again and again; 1 when none do.</summary>
    public long DenseRun => _removed.Length > 0 && _removed[^1].Stride == 1 ? _removed[^1].Size : 1;

    /// <summary>The number of neighbouring outputs whose first elements lie side by side; 1 when none do.</summary>
    public long DenseColumns => _kept.Length > 0 && _kept[^1].Stride == 1 ? _kept[^1].Size : 1;

    /// <summary>The offset of an output's first element.</summary>
    public long First(long output) => Offset(_kept, output);

    /// <summary>The offset of an element from its output's first one.</summary>
    public long Step(long element) => Offset(_removed, element);

    private static (long, long)[] Merge(Tensor input, bool[] removed, bool wanted)
    {
        var merged = new List<(long Size, long Stride)>();
        for (var axis = 0; axis < input.Rank; axis++)
        {
            var (size, stride) = (input.Shape[axis], input.Strides[axis]);
            if (removed[axis] != wanted || size == 1)
                continue;
            if (merged.Count > 0 && merged[^1].Stride == stride * size)
                merged[^1] = (merged[^1].Size * size, stride);
            else
                merged.Add((size, stride));
        }
        return [.. merged];
    }

    private static long Offset((long Size, long Stride)[] axes, long position)
    {
        long offset = 0;
        for (var axis = axes.Length - 1; axis > 0; axis--)
        {
            (position, var at) = Math.DivRem(position, axes[axis].Size);
            offset += at * axes[axis].Stride;
        }
        return axes.Length == 0 ? 0 : offset + position * axes[0].Stride;
    }
}
