namespace CudaNet;

/// <summary>Convolution of sequences: that of images of height 1.</summary>
internal sealed class Conv1dOp() : ConvOp("conv1d", axes: 1)
{
    public static readonly Conv1dOp Instance = new();

    public override OpKind Kind => OpKind.Composition;

    protected internal override Tensor?[] Compose(ReadOnlySpan<Tensor?> inputs, Attributes attributes)
    {
        Infer(new OpCall(this, inputs, attributes), new TensorSpec[1]);
        var images = Attributes.Of(
            AsImage(attributes, 0, 1),
            AsImage(attributes, 1, 0),
            AsImage(attributes, 2, 1),
            attributes.Int(3)
        );
        return
        [
            Conv2dOp.Instance.Apply([inputs[0]!.Unsqueeze(2), inputs[1]!.Unsqueeze(2), inputs[2]], images).Squeeze(2),
        ];
    }

    /// <summary>An attribute of a sequence as that of an image, with a value for the height.</summary>
    internal static ReadOnlySpan<long> AsImage(Attributes attributes, int index, long height) =>
        new[] { height, attributes.Ints(index)[0] };
}

/// <summary>Convolutions of sequences.</summary>
public static class Conv1dExtensions
{
    extension(Tensor input)
    {
        /// <summary>
        /// The convolution of sequences, as torch.nn.functional.conv1d: input (N, C, L) or (C, L), weight (O, C / groups, k), bias (O),
        /// result (N, O, L') with L' = ⌊(L + 2·padding − dilation·(k − 1) − 1) / stride⌋ + 1, or without N.
        /// </summary>
        /// <exception cref="ShapeException">The shapes do not fit.</exception>
        /// <exception cref="AttributeException">A stride, padding, dilation or number of groups is outside its range.</exception>
        public Tensor Conv1d(
            Tensor weight,
            Tensor? bias = null,
            long stride = 1,
            long padding = 0,
            long dilation = 1,
            long groups = 1
        ) => Conv1dOp.Instance.Call(input, weight, bias, [stride], [padding], [dilation], groups);
    }
}
