namespace CudaNet;

/// <summary>Volumes enlarged, or reduced, by repeating or leaving out positions: output position o shows ⌊o · input / output⌋.</summary>
internal sealed class UpsampleNearest3dOp()
    : UpsampleFamilyOp(
        "upsample_nearest3d",
        axes: 3,
        linear: false,
        adjoint: false,
        "input; output_size: ints -> output"
    )
{
    public static readonly UpsampleNearest3dOp Instance = new();

    public override bool IsExact => true;

    protected override UpsampleFamilyOp Adjoint => UpsampleNearest3dBackwardOp.Instance;
}

/// <summary>The adjoint of <see cref="UpsampleNearest3dOp"/>: to each position come the gradients of all that show it.</summary>
internal sealed class UpsampleNearest3dBackwardOp()
    : UpsampleFamilyOp(
        "upsample_nearest3d_backward",
        axes: 3,
        linear: false,
        adjoint: true,
        "grad_output; output_size: ints, input_size: ints -> grad_input"
    )
{
    public static readonly UpsampleNearest3dBackwardOp Instance = new();

    protected override UpsampleFamilyOp Adjoint => UpsampleNearest3dOp.Instance;
}

/// <summary>Enlarging volumes by repetition.</summary>
public static class UpsampleNearest3dExtensions
{
    extension(Tensor input)
    {
        /// <summary>
        /// Volumes (N, C, D, H, W) or (C, D, H, W) with other extents, each position showing the input's nearest, rounded down: o ↦
        /// ⌊o · input / output⌋, as torch.nn.functional.interpolate in mode nearest. The fraction is exact here, while PyTorch rounds input /
        /// output to f32 first, which differs for some extents.
        /// </summary>
        /// <param name="outputSize">One number, or three for depth, height and width.</param>
        /// <exception cref="ShapeException">The input is no volume.</exception>
        /// <exception cref="AttributeException">The size is no size.</exception>
        public Tensor UpsampleNearest3d(params ReadOnlySpan<long> outputSize) =>
            UpsampleNearest3dOp.Instance.Apply([input], Attributes.Of(outputSize));
    }
}
