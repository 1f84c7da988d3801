namespace CudaNet;

/// <summary>The inputs of a forward case, in the op's order.</summary>
internal delegate CaseInput?[] ForwardInputs(
    CaseInput gates,
    CaseInput state,
    CaseInput weight,
    CaseInput? bias,
    CaseInput? lengths
);

/// <summary>The inputs of a backward case, in the op's order.</summary>
internal delegate CaseInput?[] BackwardInputs(
    CaseInput output,
    CaseInput state,
    CaseInput? extra,
    CaseInput weight,
    CaseInput? lengths,
    CaseInput kept
);

/// <summary>Extents at which recurrent layers are checked. Optional is the tensor that may be left out: the bias forward, the gradients of what is
/// kept backward.</summary>
internal sealed record SequenceSize(
    long Steps,
    long Batch,
    long Units,
    bool HasLengths = false,
    bool Reverse = false,
    bool Optional = true
)
{
    /// <summary>The extents in words; <paramref name="tail"/> follows.</summary>
    public string Label(string tail) =>
        $"steps={Steps},batch={Batch},units={Units}{(HasLengths ? ",lengths" : "")}{(Reverse ? ",reverse" : "")}{(Optional ? "" : ",optional=no")}{tail}";

    /// <summary>A length from 0 to all steps for each sequence.</summary>
    public CaseInput? Lengths => HasLengths ? Draw.Indices(Steps + 1, Batch) : null;

    /// <summary>A weight as layers begin with: uniform within ±1/√units.</summary>
    public CaseInput Weight(int gates)
    {
        var bound = 1 / Math.Sqrt(Math.Max(1, Units));
        return Draw.Uniform(-bound, bound, gates * Units, Units);
    }
}

/// <summary>The case lists of recurrent layers over whole sequences.</summary>
internal static class SequenceCases
{
    /// <summary>Empty, one, around the tiles of the kernels (32 sequences; 8 and 32 units; depths of 16) and with lengths both ways.</summary>
    private static IReadOnlyList<SequenceSize> Sizes { get; } =
    [
        new(2, 0, 3),
        new(1, 1, 1),
        new(2, 3, 7, Optional: false),
        new(3, 2, 8, Reverse: true),
        new(2, 33, 9),
        new(2, 31, 16, HasLengths: true, Optional: false),
        new(4, 5, 33, HasLengths: true, Reverse: true),
        new(5, 32, 8, HasLengths: true, Reverse: true, Optional: false),
        new(3, 3, 40, HasLengths: true),
    ];

    private static IReadOnlyList<SequenceSize> GradientSizes { get; } =
    [
        new(2, 2, 2),
        new(2, 1, 2, Reverse: true, Optional: false),
        new(3, 2, 2, HasLengths: true),
        new(3, 2, 2, HasLengths: true, Reverse: true),
    ];

    private static SequenceSize Benchmark { get; } = new(64, 16, 128);

    public static IEnumerable<OpCase> Forward(
        Op op,
        int gates,
        ForwardInputs inputs,
        Func<bool, Attributes> attributes,
        RnnNonlinearity? nonlinearity = null
    ) =>
        Of(
            op,
            nonlinearity,
            size => attributes(size.Reverse),
            size =>
                inputs(
                    Draw.Normal(size.Steps, size.Batch, gates * size.Units),
                    Draw.Uniform(-0.9, 0.9, size.Batch, size.Units),
                    size.Weight(gates),
                    size.Optional ? Draw.Normal(gates * size.Units) : null,
                    size.Lengths
                )
        );

    public static IEnumerable<OpCase> Backward(
        Op op,
        int gates,
        int kept,
        BackwardInputs inputs,
        Func<bool, Attributes> attributes,
        RnnNonlinearity? nonlinearity = null
    ) =>
        Of(
            op,
            nonlinearity,
            size => attributes(size.Reverse),
            size =>
                inputs(
                    Draw.Normal(size.Steps, size.Batch, size.Units),
                    Draw.Normal(size.Batch, size.Units),
                    size.Optional ? Draw.Normal(size.Steps, size.Batch, kept * size.Units) : null,
                    size.Weight(gates),
                    size.Lengths,
                    Draw.Away(0.1, 0.9, size.Steps, size.Batch, kept * size.Units)
                )
        );

    private static IEnumerable<OpCase> Of(
        Op op,
        RnnNonlinearity? nonlinearity,
        Func<SequenceSize, Attributes> attributes,
        Func<SequenceSize, CaseInput?[]> inputs
    )
    {
        var tail = nonlinearity is null ? "" : $",nonlinearity={nonlinearity.ToString()!.ToLowerInvariant()}";
        OpCase Case(DType dtype, SequenceSize size) => new(op, dtype, size.Label(tail), inputs(size), attributes(size));
        foreach (var dtype in CaseSizes.Floating)
        {
            foreach (var size in Sizes)
                yield return AwayFromKinks(Case(dtype, size), nonlinearity);
            foreach (var layout in Enum.GetValues<CaseLayout>().Where(l => l != CaseLayout.Contiguous))
                if (dtype == DType.Float32 || layout == CaseLayout.Offset)
                    yield return AwayFromKinks(Case(dtype, new(3, 5, 8, HasLengths: true)), nonlinearity).With(layout);
        }
        foreach (var size in GradientSizes)
            yield return Case(DType.Float64, size) with
            {
                CheckGradient = true,
            };
        yield return Case(DType.Float32, Benchmark) with
        {
            IsBenchmark = true,
        };
    }

    /// <summary>Rounding to 16 bits moves sums across zero, where max(x, 0) has a kink: its gradients are compared in f32 and f64 only.</summary>
    public static OpCase AwayFromKinks(OpCase opCase, RnnNonlinearity? nonlinearity) =>
        nonlinearity != RnnNonlinearity.Relu || opCase.DType is DType.Float32 or DType.Float64
            ? opCase
            : opCase with
            {
                Inputs = [.. opCase.Inputs.Select(i => i is null ? null : i with { Differentiate = false })],
            };
}
