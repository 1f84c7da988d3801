namespace CudaNet;

/// <summary>Images enlarged, or reduced, by linear interpolation along both axes.</summary>
internal sealed class UpsampleBilinear2dOp()
    : UpsampleFamilyOp(
        "upsample_bilinear2d",
        axes: 2,
        linear: true,
        adjoint: false,
        "input; output_size: ints, align_corners: bool = false -> output"
    )
{
    public static readonly UpsampleBilinear2dOp Instance = new();

    protected override UpsampleFamilyOp Adjoint => UpsampleBilinear2dBackwardOp.Instance;
}

/// <summary>The adjoint of <see cref="UpsampleBilinear2dOp"/>: to each position come the shares of all that were made from it.</summary>
internal sealed class UpsampleBilinear2dBackwardOp()
    : UpsampleFamilyOp(
        "upsample_bilinear2d_backward",
        axes: 2,
        linear: true,
        adjoint: true,
        "grad_output; output_size: ints, align_corners: bool = false, input_size: ints -> grad_input"
    )
{
    public static readonly UpsampleBilinear2dBackwardOp Instance = new();

    protected override UpsampleFamilyOp Adjoint => UpsampleBilinear2dOp.Instance;
}

/// <summary>Enlarging images by interpolation.</summary>
public static class UpsampleBilinear2dExtensions
{
    extension(Tensor input)
    {
        /// <summary>
        /// Images (N, C, H, W) or (C, H, W) with another height and width, interpolated linearly along both axes, as
        /// torch.nn.functional.interpolate in mode bilinear. Nothing is smoothed when images become smaller.
        /// </summary>
        /// <param name="outputSize">One number, or two for height and width.</param>
        /// <param name="alignCorners">Whether the centres of the corner positions stay where they are; otherwise the outer edges do.</param>
        /// <exception cref="ShapeException">The input is no image.</exception>
        /// <exception cref="AttributeException">The size is no size.</exception>
        public Tensor UpsampleBilinear2d(ReadOnlySpan<long> outputSize, bool alignCorners = false) =>
            UpsampleBilinear2dOp.Instance.Apply([input], Attributes.Of(outputSize, alignCorners));
    }
}
