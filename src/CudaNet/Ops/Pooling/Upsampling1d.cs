namespace CudaNet;

/// <summary>Upsampling of sequences (N, C, L) or (C, L), which is that of images of height 1.</summary>
public static class Upsampling1dExtensions
{
    extension(Tensor input)
    {
        /// <summary>Sequences of another length, each position showing the input's nearest, rounded down: o ↦ ⌊o · input / output⌋.</summary>
        /// <exception cref="ShapeException">The input is no sequence.</exception>
        /// <exception cref="AttributeException">The length is below 1.</exception>
        public Tensor UpsampleNearest1d(long outputSize) =>
            input.Unsqueeze(-2).UpsampleNearest2d(1, outputSize).Squeeze(-2);

        /// <summary>Sequences of another length, interpolated linearly, as torch.nn.functional.interpolate in mode linear.</summary>
        /// <param name="outputSize">The length.</param>
        /// <param name="alignCorners">Whether the centres of the first and last positions stay where they are; otherwise the outer edges do.</param>
        /// <exception cref="ShapeException">The input is no sequence.</exception>
        /// <exception cref="AttributeException">The length is below 1.</exception>
        public Tensor UpsampleLinear1d(long outputSize, bool alignCorners = false) =>
            input.Unsqueeze(-2).UpsampleBilinear2d([1, outputSize], alignCorners).Squeeze(-2);
    }
}
