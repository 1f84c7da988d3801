namespace CudaNet;

/// <summary>What is passed as attn_mask in a case.</summary>
internal enum MaskKind
{
    None,

    /// <summary>Random booleans; every fifth row sees nothing.</summary>
    Bool,

    /// <summary>Random numbers, some of which are −∞.</summary>
    Float,
}

/// <summary>The sizes, masks and layouts at which both directions of attention are checked.</summary>
internal sealed record AttentionCases(DType DType, long[] Leading, long Queries, long Keys, long Size)
{
    private const int Words = 10; // of the row numbers that a mask is made of

    /// <summary>Heads of the query that share one of key and value.</summary>
    public long Group { get; init; } = 1;

    /// <summary>The head size of value and output; 0 where it is that of query and key.</summary>
    public long ValueSize { get; init; }

    public bool Causal { get; init; }

    public double DropoutRate { get; init; }

    public double Scale { get; init; } = double.NaN;

    public MaskKind Mask { get; init; }

    /// <summary>The shape of the mask, if there is one.</summary>
    public long[] MaskShape { get; init; } = [];

    /// <summary>How many axes key_lengths has; −1 where there are none.</summary>
    public int LengthAxes { get; init; } = -1;

    /// <summary>The layout of query, key, value, and of the gradient and the output.</summary>
    public CaseLayout Layout { get; init; }

    public CaseLayout MaskLayout { get; init; }

    /// <summary>Whether log Σ exp has a gradient too.</summary>
    public bool GradLogSumExp { get; init; }

    public bool CheckGradient { get; init; }

    public bool IsBenchmark { get; init; }

    private long Values => ValueSize == 0 ? Size : ValueSize;

    private long[] KeyLeading => Leading.Length == 0 ? [] : [.. Leading[..^1], Leading[^1] / Group];

    public Attributes Attributes => Attributes.Of(Causal, DropoutRate, Scale, DropoutRate > 0 ? 5 : 0);

    public OpCase Case(Op op, CaseInput?[] inputs, Attributes attributes) =>
        new(op, DType, Label, inputs, attributes) { CheckGradient = CheckGradient, IsBenchmark = IsBenchmark };

    private string Label
    {
        get
        {
            var text = System.FormattableString.Invariant(
                $"heads={string.Join('x', Leading)},l={Queries},s={Keys},e={Size}"
            );
            if (Group > 1)
                text += $",group={Group}";
            if (ValueSize > 0)
                text += $",ev={ValueSize}";
            if (Causal)
                text += ",causal";
            if (DropoutRate > 0)
                text += System.FormattableString.Invariant($",p={DropoutRate}");
            if (!double.IsNaN(Scale))
                text += System.FormattableString.Invariant($",scale={Scale}");
            if (Mask != MaskKind.None)
                text += $",mask={Mask.ToString().ToLowerInvariant()}:{string.Join('x', MaskShape)}";
            if (MaskLayout != CaseLayout.Contiguous)
                text += $"-{MaskLayout.ToString().ToLowerInvariant()}";
            if (LengthAxes >= 0)
                text += $",lengths={LengthAxes}";
            if (GradLogSumExp)
                text += ",grad_logsumexp";
            return text;
        }
    }

    public CaseInput?[] Inputs() =>
        [
            Matrix(Leading, Queries, Size),
            Matrix(KeyLeading, Keys, Size),
            Matrix(KeyLeading, Keys, Values),
            MaskInput(),
            Lengths(),
            DropoutRate > 0 ? new CaseInput([2], DrawKind.Integers, 0, 1 << 30) { DType = DType.Int64 } : null,
        ];

    /// <summary>The gradients, output and log Σ exp are any numbers of fitting size: the backward need not know where they come from.
    /// Every seventh row of log Σ exp stands for a query that sees nothing.</summary>
    public CaseInput?[] BackwardInputs()
    {
        var forward = Inputs();
        long[] rows = [.. Leading, Queries];
        var center = Math.Log(Math.Max(Keys, 1));
        var lse = new CaseInput(rows, DrawKind.Uniform, center, center + 1)
        {
            DType = DType.Accumulator,
            Map = CheckGradient ? null : (i, value) => i % 7 == 3 ? double.NegativeInfinity : value,
        };
        return
        [
            Matrix(Leading, Queries, Values),
            GradLogSumExp ? new CaseInput(rows) { DType = DType.Accumulator } : null,
            .. forward,
            Matrix(Leading, Queries, Values),
            lse,
        ];
    }

    private CaseInput Matrix(long[] leading, long rows, long columns) =>
        new([.. leading, rows, columns]) { Layout = Layout };

    private CaseInput? MaskInput() =>
        Mask switch
        {
            MaskKind.Bool => Draw.Bools(MaskShape) with { Map = RowsThatSeeNothing, Layout = MaskLayout },
            MaskKind.Float => new CaseInput(MaskShape)
            {
                Map = CheckGradient ? null : (i, value) => i % Words == 7 ? double.NegativeInfinity : value,
                Layout = MaskLayout,
                Differentiate = CheckGradient,
            },
            _ => null,
        };

    private double RowsThatSeeNothing(long i, double drawn) =>
        CheckGradient ? (i % MaskShape[^1] == 0 ? 1 : drawn)
        : MaskShape.Length > 1 && i / MaskShape[^1] % 5 == 2 ? 0
        : drawn;

    /// <summary>From 0 to all keys, and one beyond.</summary>
    private CaseInput? Lengths()
    {
        if (LengthAxes < 0)
            return null;
        return new CaseInput(new Shape(Leading[..LengthAxes]))
        {
            DType = DType.Int64,
            Map = (i, _) =>
                CheckGradient
                    ? 1 + i
                    : i
                        % 4 switch
                        {
                            0 => Keys / 2,
                            1 => 0,
                            2 => Keys + 3,
                            _ => Keys - 1,
                        },
        };
    }

    public static IEnumerable<AttentionCases> All
    {
        get
        {
            foreach (var dtype in CaseSizes.Floating)
            foreach (var spec in Sizes(dtype).Concat(Layouts(dtype)))
                yield return spec;
            // Of the two dtypes with 16 bits, one is enough for what does not depend on them.
            foreach (var dtype in CaseSizes.Floating.Where(d => d != DType.Float16))
            foreach (var spec in Masks(dtype))
                yield return spec;
            foreach (var spec in Gradients)
                yield return spec with
                {
                    CheckGradient = true,
                };
            foreach (var spec in Benchmarks)
                yield return spec with
                {
                    IsBenchmark = true,
                };
        }
    }

    private static IEnumerable<AttentionCases> Sizes(DType dtype)
    {
        // Empty, one, around a warp and around a tile of 64 queries or keys.
        foreach (
            var (queries, keys, size) in new (long, long, long)[]
            {
                (0, 3, 8),
                (3, 0, 8),
                (1, 1, 1),
                (1, 65, 32),
                (31, 33, 40),
                (33, 31, 64),
                (64, 64, 32),
                (65, 129, 32),
                (63, 65, 20),
            }
        )
            yield return new(dtype, [1, 2], queries, keys, size) { GradLogSumExp = true };
        yield return new(dtype, [2], 33, 65, 128) { Causal = true };
        yield return new(dtype, [1], 33, 37, 100);
        yield return new(dtype, [1], 5, 7, 160) { ValueSize = 9, Scale = -0.2 };
        yield return new(dtype, [1], 3, 1100, 4) { GradLogSumExp = true };
        yield return new(dtype, [], 37, 41, 36) { ValueSize = 64, Scale = 0.3 };
    }

    private static IEnumerable<AttentionCases> Masks(DType dtype)
    {
        // Causal where there are more queries, or more keys.
        yield return new(dtype, [2, 1], 70, 70, 16) { Causal = true };
        yield return new(dtype, [1, 1], 130, 35, 8) { Causal = true, GradLogSumExp = true };
        yield return new(dtype, [1, 1], 35, 130, 8) { Causal = true };
        yield return new(dtype, [2, 4], 17, 19, 8) { Group = 2, Causal = true };
        yield return new(dtype, [1, 3], 66, 34, 12)
        {
            Group = 3,
            ValueSize = 20,
            GradLogSumExp = true,
        };
        foreach (var shape in new long[][] { [2, 3, 20, 37], [37], [20, 1], [2, 1, 1, 37], [3, 20, 37] })
        {
            yield return new(dtype, [2, 3], 20, 37, 16) { Mask = MaskKind.Bool, MaskShape = shape };
            yield return new(dtype, [2, 3], 20, 37, 16)
            {
                Mask = MaskKind.Float,
                MaskShape = shape,
                Causal = true,
            };
        }
        foreach (var layout in new[] { CaseLayout.Transposed, CaseLayout.Strided })
        {
            yield return new(dtype, [2, 2], 20, 37, 16)
            {
                Mask = MaskKind.Bool,
                MaskShape = [2, 1, 20, 37],
                MaskLayout = layout,
                Group = 2,
            };
            yield return new(dtype, [2, 2], 20, 37, 16)
            {
                Mask = MaskKind.Float,
                MaskShape = [2, 20, 37],
                MaskLayout = layout,
            };
        }
        yield return new(dtype, [4, 2], 9, 70, 16) { LengthAxes = 1, GradLogSumExp = true };
        yield return new(dtype, [2, 4], 40, 37, 16)
        {
            LengthAxes = 2,
            Causal = true,
            Group = 2,
        };
        yield return new(dtype, [4, 1], 40, 37, 16)
        {
            LengthAxes = 1,
            Mask = MaskKind.Float,
            MaskShape = [40, 37],
            Causal = true,
            DropoutRate = 0.3,
        };
        yield return new(dtype, [2, 2], 35, 67, 16) { DropoutRate = 0.3, GradLogSumExp = true };
        yield return new(dtype, [1, 2], 33, 70, 72) { DropoutRate = 0.3, Group = 2 };
        yield return new(dtype, [2], 5, 6, 8) { DropoutRate = 1 };
        yield return new(dtype, [1, 2], 3, 1030, 4) { DropoutRate = 0.3, LengthAxes = 2 };
    }

    private static IEnumerable<AttentionCases> Layouts(DType dtype)
    {
        foreach (var layout in Enum.GetValues<CaseLayout>())
            if (layout != CaseLayout.Contiguous)
                yield return new(dtype, [2, 2], 35, 66, 24) { Layout = layout };
        yield return new(dtype, [2, 2], 35, 66, 32) { Layout = CaseLayout.Padded };
    }

    private static IEnumerable<AttentionCases> Gradients =>
        [
            new(DType.Float64, [2], 2, 3, 2) { GradLogSumExp = true },
            new(DType.Float64, [1, 2], 2, 3, 2)
            {
                Causal = true,
                Group = 2,
                ValueSize = 1,
            },
            new(DType.Float64, [2, 1], 2, 3, 2) { LengthAxes = 1, DropoutRate = 0.4 },
            new(DType.Float64, [], 3, 2, 2)
            {
                Mask = MaskKind.Float,
                MaskShape = [3, 1],
                DropoutRate = 0.2,
            },
            new(DType.Float64, [1, 2], 2, 3, 1) { Mask = MaskKind.Bool, MaskShape = [2, 2, 3] },
        ];

    private static IEnumerable<AttentionCases> Benchmarks =>
        [
            new(DType.Float32, [16, 4], 64, 64, 32) { Causal = true },
            new(DType.Float32, [16, 4], 256, 256, 32) { Causal = true },
            new(DType.Float32, [4, 8], 512, 512, 64),
        ];
}
