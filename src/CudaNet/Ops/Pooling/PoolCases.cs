namespace CudaNet;

/// <summary>The sizes at which poolings are checked.</summary>
internal static class PoolCases
{
    public sealed record Setting(string Label, Shape Shape, Attributes Attributes);

    public static IEnumerable<Setting> Settings(PoolKind kind, int axes) => axes == 2 ? Images(kind) : Volumes(kind);

    private static IEnumerable<Setting> Images(PoolKind kind)
    {
        if (kind == PoolKind.Adaptive)
        {
            foreach (
                var (shape, output) in new (long[], long[])[]
                {
                    ([1, 1, 1, 1], [1]),
                    ([2, 3, 7, 7], [1]),
                    ([2, 3, 14, 13], [5, 4]),
                    ([1, 2, 4, 3], [7, 8]),
                    ([3, 8, 31], [8, 10]),
                    ([1, 2, 33, 65], [2, 32]),
                    ([1, 1, 5, 1031], [3, 1]),
                    ([0, 3, 4, 4], [2]),
                }
            )
                yield return Adaptive(shape, output);
            yield break;
        }
        yield return Sliding(kind, [1, 1, 1, 1], [1]);
        yield return Sliding(kind, [2, 3, 4, 4], [2]);
        yield return Sliding(kind, [2, 5, 14, 14], [2], [2]);
        yield return Sliding(kind, [1, 2, 7, 33], [2], [2]);
        yield return Sliding(kind, [1, 2, 33, 31], [3], [2], [1]);
        yield return Sliding(kind, [2, 1, 7, 5], [3, 2], [1, 2], [1, 0]);
        yield return Sliding(kind, [1, 3, 11, 19], [2], [3]);
        yield return Sliding(kind, [2, 2, 8, 65], [3], [1], [1]);
        yield return Sliding(kind, [1, 2, 13, 17], [3, 2], [2, 1], [1], [2, 3]);
        yield return Sliding(kind, [1, 2, 10, 7], [3], [2], ceil: true);
        yield return Sliding(kind, [1, 1, 6, 6], [2, 3], [3, 4], [1], ceil: true);
        yield return Sliding(kind, [1, 1, 2, 2], [3], [2], ceil: true);
        yield return Sliding(kind, [3, 6, 8], [2]);
        yield return Sliding(kind, [2, 3, 5, 257], [5, 257]);
        yield return Sliding(kind, [1, 1, 3, 1031], [3], [2], [1]);
        yield return Sliding(kind, [0, 3, 4, 4], [2]);
    }

    private static IEnumerable<Setting> Volumes(PoolKind kind)
    {
        if (kind == PoolKind.Adaptive)
        {
            yield return Adaptive([1, 1, 1, 1, 1], [1]);
            yield return Adaptive([2, 3, 5, 6, 7], [3, 1, 4]);
            yield return Adaptive([2, 2, 3, 4], [5, 2, 7]);
            yield return Adaptive([1, 1, 9, 3, 33], [2, 3, 31]);
            yield return Adaptive([0, 2, 3, 3, 3], [2]);
            yield break;
        }
        yield return Sliding(kind, [1, 1, 1, 1, 1], [1]);
        yield return Sliding(kind, [2, 3, 4, 6, 8], [2]);
        yield return Sliding(kind, [1, 2, 7, 5, 33], [3], [2], [1]);
        yield return Sliding(kind, [3, 5, 4, 6], [2, 3, 1], [1, 2, 3], [1, 0, 0]);
        yield return Sliding(kind, [1, 2, 9, 8, 7], [2, 3, 2], [3, 1, 2], [1], [3, 2, 1]);
        yield return Sliding(kind, [1, 1, 6, 5, 7], [3, 2, 4], [2, 3, 3], [1, 0, 2], ceil: true);
        yield return Sliding(kind, [1, 1, 2, 3, 257], [1, 3, 3], [1], [0, 1, 1]);
        yield return Sliding(kind, [0, 3, 4, 4, 4], [2]);
    }

    public static IEnumerable<Setting> Small(PoolKind kind, int axes) =>
        axes == 3
            ? kind == PoolKind.Adaptive
                ? [Adaptive([1, 3, 4, 2], [2, 3, 1])]
                :
                [
                    Sliding(kind, [1, 3, 2, 4], [2, 1, 3], [1], [1, 0, 1], [2, 1, 1]),
                    Sliding(kind, [2, 3, 2, 3], [2], [2], [1], ceil: true, countPadding: false),
                ]
            : kind == PoolKind.Adaptive
                ? [Adaptive([2, 4, 5], [2, 3]), Adaptive([1, 2, 3, 2], [4, 1])]
                :
                [
                    Sliding(kind, [1, 2, 4, 4], [2]),
                    Sliding(kind, [1, 1, 5, 4], [3, 2], [1, 2], [1, 0], [1, 2]),
                    Sliding(kind, [2, 4, 5], [3], [2], [1], ceil: true, countPadding: false),
                ];

    public static Setting Usual(PoolKind kind, params long[] shape) =>
        kind == PoolKind.Adaptive
            ? Adaptive(shape, shape.Length == 4 ? [shape[2] / 2 - 1, 2] : [2, shape[3] / 2 - 1, 2])
            : Sliding(kind, shape, [2]);

    private static Setting Adaptive(long[] shape, long[] output) =>
        new($"shape={Join(shape)},output={Join(output)}", shape, Attributes.Of(output));

    /// <summary>An average knows no dilation; where the maximum has one, it does not count the padding.</summary>
    private static Setting Sliding(
        PoolKind kind,
        long[] shape,
        long[] kernel,
        long[]? stride = null,
        long[]? padding = null,
        long[]? dilation = null,
        bool ceil = false,
        bool countPadding = true
    )
    {
        stride ??= [];
        padding ??= [0];
        countPadding &= dilation is null;
        dilation ??= [1];
        var label =
            $"shape={Join(shape)},kernel={Join(kernel)},stride={Join(stride)},padding={Join(padding)},ceil={(ceil ? "yes" : "no")}";
        return kind == PoolKind.Maximum
            ? new($"{label},dilation={Join(dilation)}", shape, Attributes.Of(kernel, stride, padding, dilation, ceil))
            : new(
                $"{label},count_padding={(countPadding ? "yes" : "no")}",
                shape,
                Attributes.Of(kernel, stride, padding, ceil, countPadding)
            );
    }

    private static string Join(long[] values) => string.Join('x', values);
}
