using CudaNet.IO;

namespace CudaNet.Training;

/// <summary>Takes rows out of arrays: the part of a data set that a fold or a bootstrap sample names.</summary>
public static class RowSelection
{
    /// <summary>Arrays with these rows of the given ones, in this order; a row may come more than once.</summary>
    /// <param name="arrays">All with the same first dimension.</param>
    /// <param name="rows">From 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">An array has no such row.</exception>
    public static IReadOnlyList<NamedArray> Take(IReadOnlyList<NamedArray> arrays, IReadOnlyList<long> rows)
    {
        ArgumentNullException.ThrowIfNull(arrays);
        return [.. arrays.Select(array => Take(array, rows))];
    }

    private static NamedArray Take(NamedArray array, IReadOnlyList<long> rows)
    {
        var count = array.Shape.Length == 0 ? 0 : array.Shape[0];
        var size = count == 0 ? 0 : (int)(array.Bytes.Length / count);
        var bytes = new byte[(long)size * rows.Count];
        for (var i = 0; i < rows.Count; i++)
        {
            if (rows[i] < 0 || rows[i] >= count)
                throw new ArgumentOutOfRangeException(
                    nameof(rows),
                    $"'{array.Name}' has {count} rows and no row {rows[i]}"
                );
            array.Bytes.AsSpan((int)rows[i] * size, size).CopyTo(bytes.AsSpan(i * size));
        }
        return array with { Shape = [rows.Count, .. array.Shape.AsSpan(1)], Bytes = bytes };
    }
}
