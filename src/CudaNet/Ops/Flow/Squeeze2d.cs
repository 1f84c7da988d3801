namespace CudaNet;

/// <summary>Blocks of positions become channels.</summary>
internal sealed class Squeeze2dOp() : Squeeze2dFamilyOp("squeeze2d")
{
    public static readonly Squeeze2dOp Instance = new();

    public override IReadOnlyList<string> Aliases => ["pixel_unshuffle", "space_to_depth"];

    internal override bool IsSqueeze => true;

    public override void Infer(in OpCall call, Span<TensorSpec> outputs)
    {
        var (shape, f) = (call.Input(0).Shape, Factor(call));
        if (shape[-2] % f != 0 || shape[-1] % f != 0)
            throw call.ShapeError($"expected height and width to be multiples of the factor {f}");
        outputs[0] = new(
            shape.With(-3, shape[-3] * f * f).With(-2, shape[-2] / f).With(-1, shape[-1] / f),
            call.Input(0).DType
        );
    }

    protected internal override void Backward(BackwardCall call) =>
        call.Set(0, Unsqueeze2dOp.Instance.Apply([call.GradOutput()], call.Attributes));

    protected override long[] InputShape(long[] squeezed, long factor) =>
        [.. squeezed[..^3], squeezed[^3] / (factor * factor), squeezed[^2] * factor, squeezed[^1] * factor];
}

/// <summary>Space to depth.</summary>
public static class Squeeze2dExtensions
{
    extension(Tensor input)
    {
        /// <summary>
        /// (…, c, h, w) as (…, c·f², h/f, w/f): each block of f × f positions becomes f² channels. Channel c·f² + i·f + j holds row i and
        /// column j of channel c's blocks: the order of Glow (Kingma, Dhariwal 2018) and of PyTorch's pixel_unshuffle. (RealNVP's code
        /// has the position outermost, i·f·c + …; the two differ by a permutation of channels.)
        /// </summary>
        /// <exception cref="ShapeException">Height or width is no multiple of the factor.</exception>
        public Tensor Squeeze2d(int factor = 2) => Squeeze2dOp.Instance.Apply([input], Attributes.Of((long)factor));
    }
}
