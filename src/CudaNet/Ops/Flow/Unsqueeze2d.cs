namespace CudaNet;

/// <summary>Channels become blocks of positions.</summary>
internal sealed class Unsqueeze2dOp() : Squeeze2dFamilyOp("unsqueeze2d")
{
    public static readonly Unsqueeze2dOp Instance = new();

    public override IReadOnlyList<string> Aliases => ["pixel_shuffle", "depth_to_space"];

    internal override bool IsSqueeze => false;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var (shape, f) = (call.Input(0).Shape, Factor(call));
        if (shape[-3] % (f * f) != 0)
            throw call.ShapeError($"expected the channels to be a multiple of the factor's square, {f * f}");
        outputs[0] = new(
            shape.With(-3, shape[-3] / (f * f)).With(-2, shape[-2] * f).With(-1, shape[-1] * f),
            call.Input(0).DType
        );
    }

    protected internal override void Backward(BackwardCall call) =>
        call.Set(0, Squeeze2dOp.Instance.Apply([call.GradOutput()], call.Attributes));

    protected override long[] InputShape(long[] squeezed, long factor) => squeezed;
}

/// <summary>Depth to space.</summary>
public static class Unsqueeze2dExtensions
{
    extension(Tensor input)
    {
        /// <summary>The inverse of <see cref="Squeeze2dExtensions.Squeeze2d"/>, PyTorch's pixel_shuffle.</summary>
        /// <exception cref="ShapeException">The channels are no multiple of the factor's square.</exception>
        public Tensor Unsqueeze2d(int factor = 2) => Unsqueeze2dOp.Instance.Apply([input], Attributes.Of((long)factor));
    }
}
