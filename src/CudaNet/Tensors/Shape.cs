using System.Collections;
using System.Runtime.CompilerServices;

namespace CudaNet;

/// <summary>The extents of a tensor's axes, slowest first. Immutable; shared by the tensors that have it.</summary>
[CollectionBuilder(typeof(Shape), nameof(Create))]
public sealed class Shape : IReadOnlyList<long>, IEquatable<Shape>
{
    /// <summary>The most axes that a tensor can have (CN_MAX_RANK in cudanet.h).</summary>
    public const int MaxRank = 8;

    private readonly long[] _dims;
    private long[]? _strides;

    /// <summary>The shape of a scalar: no axes, one element.</summary>
    public static Shape Scalar { get; } = new([]);

    /// <summary>A shape with these extents.</summary>
    /// <exception cref="ShapeException">An extent is negative, there are more than eight, or their product overflows.</exception>
    public Shape(params ReadOnlySpan<long> dims)
    {
        if (dims.Length > MaxRank)
            throw new ShapeException(
                $"a shape has at most {MaxRank} axes; ({string.Join(", ", dims.ToArray())}) has {dims.Length}"
            );
        long count = 1;
        foreach (var d in dims)
        {
            if (d < 0)
                throw new ShapeException($"a shape has no negative extents; got ({string.Join(", ", dims.ToArray())})");
            try
            {
                count = checked(count * d);
            }
            catch (OverflowException)
            {
                throw new ShapeException(
                    $"({string.Join(", ", dims.ToArray())}) has more elements than 64 bits can count"
                );
            }
        }
        _dims = dims.ToArray();
        NumElements = count;
    }

    /// <summary>A shape from a collection expression: <c>Shape s = [2, 3];</c></summary>
    public static Shape Create(ReadOnlySpan<long> dims) => new(dims);

    /// <summary>The number of axes.</summary>
    public int Rank => _dims.Length;

    /// <summary>The product of the extents; 1 for a scalar.</summary>
    public long NumElements { get; }

    /// <summary>The extent of an axis; a negative axis counts from the end.</summary>
    public long this[int axis] => _dims[axis < 0 ? axis + _dims.Length : axis];

    /// <summary>The extents.</summary>
    public ReadOnlySpan<long> Dims => _dims;

    /// <summary>The strides, in elements, of a contiguous tensor of this shape: (2, 3, 4) has (12, 4, 1).</summary>
    public ReadOnlySpan<long> ContiguousStrides => StrideArray;

    internal long[] StrideArray => _strides ??= ComputeStrides();

    int IReadOnlyCollection<long>.Count => _dims.Length;

    /// <summary>The axis as a number from 0 to Rank − 1.</summary>
    /// <exception cref="ShapeException">There is no such axis.</exception>
    public int Axis(long axis, string caller)
    {
        var rank = Math.Max(Rank, 1);
        if (axis < -rank || axis >= rank)
            throw new ShapeException($"{caller}: axis {axis} is outside {this}; expected {-rank} to {rank - 1}");
        return (int)(axis < 0 ? axis + rank : axis);
    }

    /// <summary>The shape that two shapes broadcast to by NumPy's rule, or null when they do not.</summary>
    public static Shape? Broadcast(Shape a, Shape b)
    {
        if (ReferenceEquals(a, b) || a.Equals(b))
            return a;
        var rank = Math.Max(a.Rank, b.Rank);
        Span<long> dims = stackalloc long[rank];
        for (var i = 1; i <= rank; i++)
        {
            var x = i <= a.Rank ? a._dims[^i] : 1;
            var y = i <= b.Rank ? b._dims[^i] : 1;
            if (x != y && x != 1 && y != 1)
                return null;
            dims[^i] = x == 1 ? y : x;
        }
        return new Shape(dims);
    }

    /// <summary>This shape with one axis replaced.</summary>
    public Shape With(int axis, long extent)
    {
        Span<long> dims = stackalloc long[Rank];
        _dims.CopyTo(dims);
        dims[axis < 0 ? axis + Rank : axis] = extent;
        return new Shape(dims);
    }

    /// <summary>This shape after a reduction over <paramref name="axes"/> (all axes when empty).</summary>
    public Shape Reduce(ReadOnlySpan<long> axes, bool keepAxes, string caller)
    {
        Span<bool> reduced = stackalloc bool[Rank];
        reduced.Fill(axes.IsEmpty);
        foreach (var axis in axes)
        {
            var a = Axis(axis, caller);
            if (a < Rank && reduced[a])
                throw new ShapeException($"{caller}: axis {axis} of {this} is named twice");
            if (a < Rank)
                reduced[a] = true;
        }
        Span<long> dims = stackalloc long[Rank];
        var n = 0;
        for (var i = 0; i < Rank; i++)
            if (!reduced[i])
                dims[n++] = _dims[i];
            else if (keepAxes)
                dims[n++] = 1;
        return new Shape(dims[..n]);
    }

    private long[] ComputeStrides()
    {
        var strides = new long[_dims.Length];
        long step = 1;
        for (var i = _dims.Length - 1; i >= 0; i--)
        {
            strides[i] = step;
            step *= Math.Max(_dims[i], 1);
        }
        return strides;
    }

    /// <inheritdoc/>
    public bool Equals(Shape? other) =>
        other is not null && (ReferenceEquals(this, other) || _dims.AsSpan().SequenceEqual(other._dims));

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as Shape);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        foreach (var d in _dims)
            hash.Add(d);
        return hash.ToHashCode();
    }

    /// <summary>(2, 3, 4); a scalar is ().</summary>
    public override string ToString() => $"({string.Join(", ", _dims)})";

    /// <summary>A shape from its extents.</summary>
    public static implicit operator Shape(long[] dims) => new(dims);

    /// <inheritdoc/>
    public IEnumerator<long> GetEnumerator() => ((IEnumerable<long>)_dims).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => _dims.GetEnumerator();
}
