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
        ArangeOp.Instance,
        ArgMaxOp.Instance,
        AvgPool2dOp.Instance,
        AvgPool2dBackwardOp.Instance,
        BatchNormOp.Instance,
        BatchNormBackwardOp.Instance,
        BatchNormUpdateOp.Instance,
        BernoulliOp.Instance,
        CastOp.Instance,
        CatOp.Instance,
        CosOp.Instance,
        CrossEntropyOp.Instance,
        CrossEntropyBackwardOp.Instance,
        DivOp.Instance,
        DropoutOp.Instance,
        DropoutBackwardOp.Instance,
        EmbeddingOp.Instance,
        EqOp.Instance,
        ExpOp.Instance,
        ExpandOp.Instance,
        FullOp.Instance,
        GatherOp.Instance,
        GeOp.Instance,
        GtOp.Instance,
        IndexFillOp.Instance,
        IndexSelectOp.Instance,
        LayerNormOp.Instance,
        LayerNormBackwardOp.Instance,
        LeOp.Instance,
        LinearOp.Instance,
        LogOp.Instance,
        LogSoftmaxOp.Instance,
        LogSoftmaxBackwardOp.Instance,
        LtOp.Instance,
        MaskedFillOp.Instance,
        MatMulOp.Instance,
        MaxOp.Instance,
        MaxPool2dOp.Instance,
        MaxPool2dBackwardOp.Instance,
        MaxShareOp.Instance,
        MeanOp.Instance,
        MseLossOp.Instance,
        MulOp.Instance,
        NeOp.Instance,
        NegOp.Instance,
        NormalOp.Instance,
        PadOp.Instance,
        PadBackwardOp.Instance,
        PermuteOp.Instance,
        PowOp.Instance,
        RandPermOp.Instance,
        ReluOp.Instance,
        ReshapeOp.Instance,
        RsqrtOp.Instance,
        ScatterAddOp.Instance,
        SgdOp.Instance,
        SigmoidOp.Instance,
        SinOp.Instance,
        SliceOp.Instance,
        SliceBackwardOp.Instance,
        SmoothedOneHotOp.Instance,
        SoftmaxOp.Instance,
        SoftmaxBackwardOp.Instance,
        SqrtOp.Instance,
        SubOp.Instance,
        SumOp.Instance,
        TanhOp.Instance,
        UniformOp.Instance,
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

        public Tensor Alias(Tensor tensor) => tensor.Reshape(tensor.Shape);

        public Tensor Fill(Shape shape, DType dtype, Device device, double value) =>
            Tensor.Full(shape, value, dtype, device);
    }
}
