namespace CudaNet.Nn;

/// <summary>How <see cref="Upsample"/> fills the positions between those of the input.</summary>
public enum UpsampleMode
{
    /// <summary>With the nearest one, rounded down.</summary>
    Nearest,

    /// <summary>Linearly along each axis: linear, bilinear or trilinear.</summary>
    Linear,
}

/// <summary>
/// Sequences (N, C, L), images (N, C, H, W) or volumes (N, C, D, H, W) enlarged by a whole factor, as torch.nn.Upsample.
/// </summary>
/// <param name="scaleFactor">How many times longer each axis becomes.</param>
/// <param name="mode">How positions are filled.</param>
/// <param name="alignCorners">In linear mode, whether the centres of the corner positions stay where they are.</param>
public sealed class Upsample(long scaleFactor, UpsampleMode mode = UpsampleMode.Nearest, bool alignCorners = false)
    : Module<Tensor, Tensor>
{
    /// <inheritdoc/>
    protected override Tensor Forward(Tensor input)
    {
        if (input.Rank is < 3 or > 5)
            throw new ShapeException(
                $"Upsample: expected an input (N, C, L), (N, C, H, W) or (N, C, D, H, W), not {input.Shape}; Reshape it"
            );
        long[] size = [.. input.Shape.Dims[2..].ToArray().Select(n => n * scaleFactor)];
        return (input.Rank, mode) switch
        {
            (3, UpsampleMode.Nearest) => input.UpsampleNearest1d(size[0]),
            (4, UpsampleMode.Nearest) => input.UpsampleNearest2d(size),
            (_, UpsampleMode.Nearest) => input.UpsampleNearest3d(size),
            (3, _) => input.UpsampleLinear1d(size[0], alignCorners),
            (4, _) => input.UpsampleBilinear2d(size, alignCorners),
            _ => input.UpsampleTrilinear3d(size, alignCorners),
        };
    }
}
