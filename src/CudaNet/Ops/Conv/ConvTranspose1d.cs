namespace CudaNet;

/// <summary>Transposed convolution of sequences: that of images of height 1.</summary>
internal sealed class ConvTranspose1dOp() : ConvTransposeOp("conv_transpose1d", axes: 1)
{
    public static readonly ConvTranspose1dOp Instance = new();

    public override OpKind Kind => OpKind.Composition;

    protected internal override Tensor?[] Compose(ReadOnlySpan<Tensor?> inputs, Attributes attributes)
    {
        Infer(new OpCall(this, inputs, attributes), new TensorSpec[1]);
        var images = Attributes.Of(
            Conv1dOp.AsImage(attributes, 0, 1),
            Conv1dOp.AsImage(attributes, 1, 0),
            Conv1dOp.AsImage(attributes, 2, 1),
            attributes.Int(3),
            Conv1dOp.AsImage(attributes, 4, 0)
        );
        return
        [
            ConvTranspose2dOp
                .Instance.Apply([inputs[0]!.Unsqueeze(2), inputs[1]!.Unsqueeze(2), inputs[2]], images)
                .Squeeze(2),
        ];
    }
}

/// <summary>Transposed convolutions of sequences.</summary>
public static class ConvTranspose1dExtensions
{
    extension(Tensor input)
    {
        /// <summary>
        /// The transposed convolution of sequences, as torch.nn.functional.conv_transpose1d: input (N, C, L) or (C, L), weight (C, O / groups,
        /// k), bias (O), result (N, O, L') with L' = (L − 1)·stride − 2·padding + dilation·(k − 1) + outputPadding + 1, or without N.
        /// </summary>
        /// <exception cref="ShapeException">The shapes do not fit.</exception>
        /// <exception cref="AttributeException">A size or number of groups is outside its range.</exception>
        public Tensor ConvTranspose1d(
            Tensor weight,
            Tensor? bias = null,
            long stride = 1,
            long padding = 0,
            long outputPadding = 0,
            long groups = 1,
            long dilation = 1
        ) =>
            ConvTranspose1dOp.Instance.Call(
                input,
                weight,
                bias,
                [stride],
                [padding],
                [outputPadding],
                groups,
                [dilation]
            );
    }
}
