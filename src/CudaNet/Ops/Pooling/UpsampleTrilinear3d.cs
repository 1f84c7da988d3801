namespace CudaNet;

/// <summary>Volumes enlarged, or reduced, by linear interpolation along all three axes.</summary>
internal sealed class UpsampleTrilinear3dOp()
    : UpsampleFamilyOp(
        "upsample_trilinear3d",
        axes: 3,
        linear: true,
        adjoint: false,
        "input; output_size: ints, align_corners: bool = false -> output"
    )
{
    public static readonly UpsampleTrilinear3dOp Instance = new();

    protected override UpsampleFamilyOp Adjoint => UpsampleTrilinear3dBackwardOp.Instance;
}

/// <summary>The adjoint of <see cref="UpsampleTrilinear3dOp"/>: to each position come the shares of all that were made from it.</summary>
internal sealed class UpsampleTrilinear3dBackwardOp()
    : UpsampleFamilyOp(
        "upsample_trilinear3d_backward",
        axes: 3,
        linear: true,
        adjoint: true,
        "grad_output; output_size: ints, align_corners: bool = false, input_size: ints -> grad_input"
    )
{
    public static readonly UpsampleTrilinear3dBackwardOp Instance = new();

    protected override UpsampleFamilyOp Adjoint => UpsampleTrilinear3dOp.Instance;
}

/// <summary>Enlarging volumes by interpolation.</summary>
public static class UpsampleTrilinear3dExtensions
{
    extension(Tensor input)
    {
        /// <summary>
        /// Volumes (N, C, D, H, W) or (C, D, H, W) with other extents, interpolated linearly along all three axes, as
        /// torch.nn.functional.interpolate in mode trilinear. Nothing is smoothed when volumes become smaller.
        /// </summary>
        /// <param name="outputSize">One number, or three for depth, height and width.</param>
        /// <param name="alignCorners">Whether the centres of the corner positions stay where they are; otherwise the outer edges do.</param>
        /// <exception cref="ShapeException">The input is no volume.</exception>
        /// <exception cref="AttributeException">The size is no size.</exception>
        public Tensor UpsampleTrilinear3d(ReadOnlySpan<long> outputSize, bool alignCorners = false) =>
            UpsampleTrilinear3dOp.Instance.Apply([input], Attributes.Of(outputSize, alignCorners));
    }
}
