using System.Runtime.CompilerServices;

namespace CudaNet;

/// <summary>Every op of the engine, by name.</summary>
public static class Registry
{
    /// <summary>In alphabetical order; adding an op adds one line.</summary>
    public static IReadOnlyList<Op> All { get; } =
    [
        AbsOp.Instance,
        AdamWOp.Instance,
        AdaptiveAvgPool2dOp.Instance,
        AdaptiveAvgPool2dBackwardOp.Instance,
        AdaptiveMaxPool2dOp.Instance,
        AdaptiveMaxPool2dBackwardOp.Instance,
        AddOp.Instance,
        AffineOp.Instance,
        AllOp.Instance,
        AnyOp.Instance,
        ArangeOp.Instance,
        ArgMaxOp.Instance,
        ArgMinOp.Instance,
        AvgPool2dOp.Instance,
        AvgPool2dBackwardOp.Instance,
        BatchNormOp.Instance,
        BatchNormBackwardOp.Instance,
        BatchNormUpdateOp.Instance,
        BceWithLogitsOp.Instance,
        BceWithLogitsBackwardOp.Instance,
        BernoulliOp.Instance,
        BitwiseAndOp.Instance,
        BitwiseNotOp.Instance,
        BitwiseOrOp.Instance,
        BitwiseXorOp.Instance,
        CastOp.Instance,
        CatOp.Instance,
        CeilOp.Instance,
        ClampOp.Instance,
        ClampBackwardOp.Instance,
        Conv2dOp.Instance,
        Conv2dBackwardDataOp.Instance,
        Conv2dBackwardFilterOp.Instance,
        CosOp.Instance,
        CrossEntropyOp.Instance,
        CrossEntropyBackwardOp.Instance,
        CumProdOp.Instance,
        CumSumOp.Instance,
        DivOp.Instance,
        DropoutOp.Instance,
        DropoutBackwardOp.Instance,
        EluOp.Instance,
        EluBackwardOp.Instance,
        EmbeddingOp.Instance,
        EqOp.Instance,
        ErfOp.Instance,
        ExpOp.Instance,
        ExpandOp.Instance,
        ExpM1Op.Instance,
        FlipOp.Instance,
        FloorOp.Instance,
        FloorDivideOp.Instance,
        FModOp.Instance,
        FullOp.Instance,
        GatherOp.Instance,
        GeOp.Instance,
        GeluOp.Instance,
        GeluBackwardOp.Instance,
        GtOp.Instance,
        HardtanhOp.Instance,
        HardtanhBackwardOp.Instance,
        HeavisideOp.Instance,
        IndexFillOp.Instance,
        IndexSelectOp.Instance,
        LayerNormOp.Instance,
        LayerNormBackwardOp.Instance,
        LeOp.Instance,
        LeakyReluOp.Instance,
        LeakyReluBackwardOp.Instance,
        LinearOp.Instance,
        LinearActOp.Instance,
        LinearRecurrenceOp.Instance,
        LogOp.Instance,
        Log1POp.Instance,
        LogSoftmaxOp.Instance,
        LogSoftmaxBackwardOp.Instance,
        LogCumSumExpOp.Instance,
        LogicalAndOp.Instance,
        LogicalNotOp.Instance,
        LogicalOrOp.Instance,
        LogicalXorOp.Instance,
        LogSumExpOp.Instance,
        LtOp.Instance,
        MaskedFillOp.Instance,
        MatMulOp.Instance,
        MaxOp.Instance,
        MaxPool2dOp.Instance,
        MaxPool2dBackwardOp.Instance,
        MaxShareOp.Instance,
        MaximumOp.Instance,
        MeanOp.Instance,
        MinOp.Instance,
        MinimumOp.Instance,
        MishOp.Instance,
        MishBackwardOp.Instance,
        MseLossOp.Instance,
        MulOp.Instance,
        NeOp.Instance,
        NegOp.Instance,
        NllLossOp.Instance,
        NllLossBackwardOp.Instance,
        NormalOp.Instance,
        PadOp.Instance,
        PadBackwardOp.Instance,
        PermuteOp.Instance,
        PowOp.Instance,
        PReluOp.Instance,
        ProdOp.Instance,
        RandPermOp.Instance,
        ReciprocalOp.Instance,
        RectOp.Instance,
        ReluOp.Instance,
        RemainderOp.Instance,
        ReshapeOp.Instance,
        RoundOp.Instance,
        RReluOp.Instance,
        RsqrtOp.Instance,
        ScatterOp.Instance,
        ScatterAddOp.Instance,
        SeluOp.Instance,
        SeluBackwardOp.Instance,
        SgdOp.Instance,
        SigmoidOp.Instance,
        SignOp.Instance,
        SiluOp.Instance,
        SiluBackwardOp.Instance,
        SinOp.Instance,
        SliceOp.Instance,
        SliceBackwardOp.Instance,
        SmoothedOneHotOp.Instance,
        SoftmaxOp.Instance,
        SoftmaxBackwardOp.Instance,
        SoftplusOp.Instance,
        SoftplusBackwardOp.Instance,
        SortOp.Instance,
        SqrtOp.Instance,
        SquareOp.Instance,
        StdOp.Instance,
        SubOp.Instance,
        SumOp.Instance,
        SwishOp.Instance,
        TanhOp.Instance,
        TopKOp.Instance,
        TruncOp.Instance,
        UniformOp.Instance,
        UnscaleOp.Instance,
        VarOp.Instance,
        VectorNormOp.Instance,
        WhereOp.Instance,
    ];

    private static readonly Dictionary<string, Op> ByName = All.SelectMany(op =>
            op.Aliases.Append(op.Name).Select(name => (name, op))
        )
        .ToDictionary(p => p.name, p => p.op, StringComparer.Ordinal);

    /// <summary>The op of this name or alias.</summary>
    /// <exception cref="AttributeException">There is none; the message names similar ones.</exception>
    public static Op Find(string name) =>
        ByName.TryGetValue(name, out var op)
            ? op
            : throw new AttributeException(
                $"there is no op '{name}'; {Suggestions.For(name, ByName.Keys)}'cudanet op --list' shows all of them"
            );

    /// <summary>Gives the graph, which lies below the ops, the few that it needs.</summary>
#pragma warning disable CA2255 // An assembly that wires its own layers together before any of its code runs is what this is for.
    [ModuleInitializer]
    internal static void SupplyGraph() => GraphAlgebra.Current = new OpAlgebra();
#pragma warning restore CA2255

    private sealed class OpAlgebra : IGraphAlgebra
    {
        public Tensor Add(Tensor a, Tensor b) => AddOp.Instance.Apply([a, b]);

        public Tensor Copy(Tensor tensor) => tensor.Cast(tensor.DType, copy: true);

        public Tensor Cast(Tensor tensor, DType dtype) => tensor.Cast(dtype);

        public Tensor Alias(Tensor tensor) => tensor.Reshape(tensor.Shape);

        public Tensor Fill(Shape shape, DType dtype, Device device, double value) =>
            Tensor.Full(shape, value, dtype, device);
    }
}
