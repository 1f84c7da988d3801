namespace CudaNet;

/// <summary>Images enlarged, or reduced, by repeating or leaving out positions: output position o shows ⌊o · input / output⌋.</summary>
internal sealed class UpsampleNearest2dOp()
    : UpsampleFamilyOp(
        "upsample_nearest2d",
        axes: 2,
        linear: false,
        adjoint: false,
        "input; output_size: ints -> output"
    )
{
    public static readonly UpsampleNearest2dOp Instance = new();

    public override bool IsExact => true;

    protected override UpsampleFamilyOp Adjoint => UpsampleNearest2dBackwardOp.Instance;
}

/// <summary>The adjoint of <see cref="UpsampleNearest2dOp"/>: to each position come the gradients of all that show it.</summary>
internal sealed class UpsampleNearest2dBackwardOp()
    : UpsampleFamilyOp(
        "upsample_nearest2d_backward",
        axes: 2,
        linear: false,
        adjoint: true,
        "grad_output; output_size: ints, input_size: ints -> grad_input"
    )
{
    public static readonly UpsampleNearest2dBackwardOp Instance = new();

    protected override UpsampleFamilyOp Adjoint => UpsampleNearest2dOp.Instance;
}

/// <summary>Enlarging images by repetition.</summary>
public static class UpsampleNearest2dExtensions
{
    extension(Tensor input)
    {
        /// <summary>
        /// Images (N, C, H, W) or (C, H, W) with another height and width, each position showing the input's nearest, rounded down: o ↦
        /// ⌊o · input / output⌋, as torch.nn.functional.interpolate in mode nearest. The fraction is exact here, while PyTorch rounds input /
        /// output to f32 first, which differs for some extents.
        /// </summary>
        /// <param name="outputSize">One number, or two for height and width.</param>
        /// <exception cref="ShapeException">The input is no image.</exception>
        /// <exception cref="AttributeException">The size is no size.</exception>
        public Tensor UpsampleNearest2d(params ReadOnlySpan<long> outputSize) =>
            UpsampleNearest2dOp.Instance.Apply([input], Attributes.Of(outputSize));
    }
}
