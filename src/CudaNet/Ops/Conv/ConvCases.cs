namespace CudaNet;

/// <summary>The sizes at which convolutions and both of their gradients are checked.</summary>
internal sealed record ConvCases(Shape Input, Shape Weight)
{
    public long[] Stride { get; init; } = [1];

    public long[] Padding { get; init; } = [0];

    public long[] Dilation { get; init; } = [1];

    public long Groups { get; init; } = 1;

    public Shape Output => ConvGeometry.Of(Input, Weight, Attributes.Of(Stride, Padding, Dilation, Groups)).Output;

    /// <summary>What the adjoint must add to its result, so that it becomes as large as the input.</summary>
    public long[] OutputPadding
    {
        get
        {
            var geometry = ConvGeometry.Of(Input, Weight, Attributes.Of(Stride, Padding, Dilation, Groups));
            return
            [
                .. Enumerable
                    .Range(0, geometry.Axes)
                    .Select(axis =>
                        Input[axis + 2]
                        + 2 * geometry.Padding(axis)
                        - geometry.Covered(axis)
                        - (geometry.Output[axis + 2] - 1) * geometry.Stride(axis)
                    ),
            ];
        }
    }

    private string Label(string image)
    {
        var text = $"{image}={string.Join('x', Input)},weight={string.Join('x', Weight)}";
        foreach (var (name, values) in new[] { ("stride", Stride), ("padding", Padding), ("dilation", Dilation) })
            if (values is not ([1] or [0]) || (name == "padding" && values is [1]))
                text += $",{name}={string.Join('x', values)}";
        return Groups == 1 ? text : $"{text},groups={Groups}";
    }

    /// <summary>What is checked over one number of axes.</summary>
    private sealed record Lists(
        IReadOnlyList<ConvCases> Small,
        IReadOnlyList<ConvCases> Wide,
        IReadOnlyList<ConvCases> Exact,
        IReadOnlyList<ConvCases> Differentiated,
        IReadOnlyList<ConvCases> Benchmarks
    );

    private static Lists Sequences { get; } =
        new(
            [
                new([1, 1, 1], [1, 1, 1]),
                new([2, 3, 17], [5, 3, 3]) { Padding = [1] },
                new([3, 4, 33], [6, 2, 4])
                {
                    Groups = 2,
                    Stride = [2],
                    Padding = [3],
                },
                new([1, 5, 40], [7, 5, 3]) { Dilation = [3], Stride = [3] },
                new([0, 2, 5], [3, 2, 2]),
            ],
            [],
            [new([2, 4, 9], [5, 4, 3]) { Stride = [2], Padding = [1] }],
            [new([2, 2, 5], [2, 1, 2]) { Groups = 2, Padding = [1] }, new([1, 2, 6], [3, 2, 2]) { Stride = [2] }],
            [new([16, 64, 1024], [64, 64, 3]) { Padding = [1] }]
        );

    private static Lists Volumes { get; } =
        new(
            [
                new([1, 1, 1, 1, 1], [1, 1, 1, 1, 1]),
                new([2, 3, 4, 5, 7], [5, 3, 3, 3, 3]) { Padding = [1] },
                new([1, 2, 5, 6, 9], [3, 2, 2, 3, 2]) { Padding = [1, 0, 2], Stride = [2, 1, 3] },
                new([1, 4, 7, 6, 5], [6, 2, 2, 2, 3])
                {
                    Groups = 2,
                    Dilation = [3, 2, 1],
                    Stride = [1, 2, 2],
                },
                new([2, 9, 3, 4, 17], [8, 9, 3, 1, 1]) { Padding = [1, 0, 0] },
                new([0, 2, 3, 3, 3], [3, 2, 2, 2, 2]),
            ],
            [],
            [new([2, 3, 4, 5, 6], [4, 3, 2, 3, 3]) { Stride = [2], Padding = [1] }],
            [
                new([1, 2, 3, 2, 2], [2, 2, 2, 2, 1]) { Padding = [1, 0, 0] },
                new([1, 2, 3, 4, 3], [2, 1, 2, 2, 2])
                {
                    Groups = 2,
                    Stride = [2, 2, 1],
                    Dilation = [1, 1, 2],
                },
            ],
            [new([4, 16, 16, 32, 32], [32, 16, 3, 3, 3]) { Padding = [1] }]
        );

    private static IReadOnlyList<ConvCases> Small { get; } =
    [
        new([0, 3, 5, 5], [2, 3, 3, 3]),
        new([1, 1, 1, 1], [1, 1, 1, 1]),
        new([2, 3, 7, 9], [5, 3, 3, 3]) { Padding = [1] },
        new([3, 7, 13, 17], [11, 7, 5, 3]) { Padding = [2, 1] },
        new([2, 4, 9, 11], [5, 4, 3, 3]) { Stride = [2], Padding = [1] },
        new([2, 3, 10, 13], [4, 3, 3, 5]) { Stride = [2, 3], Padding = [0, 2] },
        new([2, 5, 8, 7], [3, 5, 1, 1]) { Stride = [2] },
        new([1, 2, 11, 12], [3, 2, 2, 2]) { Stride = [3] },
        new([2, 2, 3, 4], [3, 2, 2, 2]) { Padding = [3] },
        new([1, 3, 12, 14], [4, 3, 3, 3]) { Dilation = [2, 3], Padding = [2, 3] },
        new([1, 2, 13, 15], [3, 2, 3, 2])
        {
            Dilation = [2],
            Stride = [2],
            Padding = [1],
        },
        new([2, 6, 9, 8], [8, 3, 3, 3]) { Groups = 2, Padding = [1] },
        new([1, 9, 9, 8], [6, 3, 3, 3]) { Groups = 3, Stride = [2] },
        new([2, 7, 9, 35], [7, 1, 3, 3]) { Groups = 7, Padding = [1] },
        new([2, 5, 11, 19], [10, 1, 5, 3])
        {
            Groups = 5,
            Padding = [2, 1],
            Stride = [2, 1],
        },
        new([3, 4, 20, 19], [4, 1, 3, 3]) { Groups = 4, Padding = [1] },
        new([8, 2, 24, 24], [2, 1, 5, 4]) { Groups = 2, Padding = [2] },
        new([3, 4, 5, 6], [7, 4, 5, 6]),
        new([2, 70, 5, 13], [33, 70, 1, 1]),
        new([1, 1, 28, 28], [9, 1, 3, 3]),
        new([1, 2, 9, 33], [17, 2, 3, 3]) { Padding = [1] },
        new([1, 63, 7, 7], [65, 63, 3, 3]) { Padding = [1] },
        new([5, 8, 8, 8], [64, 8, 1, 2]),
        new([4, 3, 20, 17], [9, 3, 3, 3]),
        new([1, 40, 6, 40], [6, 40, 3, 3]) { Padding = [1] },
    ];

    /// <summary>Many channels and 3×3 kernels, for which the CPU has tiles of its own; checked in f32 and f64.</summary>
    private static IReadOnlyList<ConvCases> ManyChannels { get; } =
    [
        new([1, 64, 7, 6], [68, 32, 3, 3]) { Groups = 2, Padding = [1, 2] },
        new([1, 32, 5, 50], [33, 32, 3, 3]) { Padding = [1] },
        new([2, 33, 4, 4], [32, 33, 3, 3]) { Padding = [2] },
        new([9, 34, 7, 6], [36, 17, 3, 3]) { Groups = 2, Padding = [1, 2] },
        new([2, 31, 17, 19], [29, 31, 3, 3]) { Padding = [1] },
        new([3, 16, 35, 10], [17, 16, 3, 3]),
    ];

    private static IReadOnlyList<ConvCases> Differentiated { get; } =
    [
        new([2, 2, 4, 3], [3, 2, 2, 2]) { Padding = [1] },
        new([1, 2, 5, 4], [2, 2, 3, 2]) { Stride = [2, 1], Padding = [1, 0] },
        new([1, 1, 5, 6], [2, 1, 2, 3]) { Dilation = [2, 1], Stride = [1, 2] },
        new([1, 4, 3, 3], [2, 2, 2, 2]) { Groups = 2 },
        new([2, 2, 3, 4], [4, 1, 2, 2])
        {
            Groups = 2,
            Padding = [1],
            Stride = [2],
        },
    ];

    private static IReadOnlyList<ConvCases> Benchmarks { get; } =
    [
        new([16, 32, 32, 32], [64, 32, 3, 3]) { Padding = [1] },
        new([16, 32, 32, 32], [64, 32, 3, 3]) { Padding = [1], Stride = [2] },
        new([64, 1, 28, 28], [32, 1, 3, 3]),
        new([64, 32, 26, 26], [64, 32, 3, 3]),
        new([64, 32, 13, 13], [64, 32, 3, 3]),
        new([16, 128, 14, 14], [128, 128, 3, 3]) { Padding = [1] },
        new([16, 64, 28, 28], [256, 64, 1, 1]),
        new([16, 64, 32, 32], [64, 1, 3, 3]) { Padding = [1], Groups = 64 },
    ];

    /// <summary>
    /// What is checked with the channels last in memory: whole vectors of them and not, one and several groups, and a depth that is
    /// divided; the last one is small.
    /// </summary>
    private static ConvCases[] ChannelsLast(int axes) =>
        axes switch
        {
            1 => [new([2, 16, 33], [24, 16, 3]) { Padding = [1] }, new([1, 4, 5], [8, 4, 2])],
            2 =>
            [
                new([2, 8, 7, 9], [16, 8, 3, 3]) { Padding = [1] },
                new([1, 32, 9, 8], [24, 16, 3, 2])
                {
                    Groups = 2,
                    Stride = [2, 1],
                    Dilation = [1, 2],
                    Padding = [1, 0],
                },
                new([2, 8, 24, 24], [8, 8, 3, 3]) { Padding = [1] },
                new([1, 72, 5, 13], [72, 72, 1, 1]),
                new([2, 3, 8, 7], [9, 3, 3, 3]) { Stride = [2] },
                new([1, 10, 4, 5], [10, 5, 2, 2]) { Groups = 2 },
                new([2, 8, 6, 7], [8, 1, 3, 3]) { Groups = 8, Padding = [1] },
                new([1, 4, 3, 3], [8, 4, 2, 2]),
            ],
            _ =>
            [
                new([1, 8, 4, 5, 7], [16, 8, 2, 3, 2]) { Padding = [1, 0, 1], Stride = [1, 2, 1] },
                new([2, 3, 3, 4, 5], [9, 3, 2, 2, 2]),
                new([1, 4, 2, 3, 2], [8, 4, 2, 2, 1]),
            ],
        };

    private static Lists Images { get; } = new(Small, ManyChannels, [Small[4], Small[11]], Differentiated, Benchmarks);

    /// <summary>The cases of one of the ops.</summary>
    /// <param name="op">The op.</param>
    /// <param name="axes">How many spatial axes it works over.</param>
    /// <param name="image">What the convolution's input is called in the name of a case.</param>
    /// <param name="inputs">Its inputs, given how a tensor of a shape is drawn.</param>
    /// <param name="attributes">Its attributes.</param>
    public static IEnumerable<OpCase> For(
        Op op,
        int axes,
        string image,
        Func<ConvCases, Func<Shape, CaseInput>, CaseInput?[]> inputs,
        Func<ConvCases, Attributes> attributes
    )
    {
        var lists = axes switch
        {
            1 => Sequences,
            2 => Images,
            _ => Volumes,
        };
        foreach (var dtype in CaseSizes.Floating)
        {
            foreach (var sizes in lists.Small)
                yield return Case(dtype, sizes);
            foreach (var layout in Enum.GetValues<CaseLayout>().Where(l => l != CaseLayout.Contiguous))
                yield return Case(dtype, lists.Small[3]).With(layout);
            foreach (var sizes in lists.Exact)
                yield return new OpCase(
                    op,
                    dtype,
                    $"{sizes.Label(image)},values=integers",
                    inputs(sizes, Ternary),
                    attributes(sizes)
                )
                {
                    IsExact = true,
                };
            foreach (var sizes in ChannelsLast(axes)[..^1])
                yield return InChannelsLast(Case(dtype, sizes), IsImage);
        }
        // Images that lie in different orders meet in the weight's gradient.
        if (op is ConvBackwardFilterOp)
            foreach (var which in new[] { 0, 1 })
            {
                var both = Case(DType.Float32, lists.Small[1], $",only={which}");
                yield return InChannelsLast(both, input => ReferenceEquals(input, both.Inputs[which]));
            }
        yield return InChannelsLast(Case(DType.Float64, ChannelsLast(axes)[^1]), IsImage) with
        {
            CheckGradient = true,
        };
        foreach (var sizes in lists.Wide)
        {
            yield return Case(DType.Float32, sizes);
            yield return Case(DType.Float64, sizes);
        }
        foreach (var sizes in lists.Differentiated)
            yield return Case(DType.Float64, sizes) with
            {
                CheckGradient = true,
            };
        foreach (var sizes in lists.Benchmarks)
            yield return Case(DType.Float32, sizes) with
            {
                IsBenchmark = true,
            };

        bool IsImage(CaseInput input) => input.Shape.Rank == axes + 2;

        static OpCase InChannelsLast(OpCase of, Func<CaseInput, bool> which) =>
            of with
            {
                Inputs = [.. of.Inputs.Select(i => i is not null && which(i) ? i with { IsChannelsLast = true } : i)],
            };

        OpCase Case(DType dtype, ConvCases sizes, string more = "") =>
            new(op, dtype, sizes.Label(image) + more, inputs(sizes, shape => new CaseInput(shape)), attributes(sizes));
    }

    /// <summary>−1, 0 and 1: their sums are exact in every dtype as long as there are fewer than 256.</summary>
    private static CaseInput Ternary(Shape shape) => new(shape, DrawKind.Integers, -1, 2);
}
