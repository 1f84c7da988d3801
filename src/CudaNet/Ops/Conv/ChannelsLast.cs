namespace CudaNet;

/// <summary>The order of images in memory.</summary>
public static class ChannelsLastExtensions
{
    extension(Tensor input)
    {
        /// <summary>
        /// The same images (N, C, H, W), sequences or volumes, with the channels of each position side by side in memory, as
        /// contiguous(memory_format=torch.channels_last). Shape and values stay; convolutions take it as it lies and give results that
        /// lie so too, with wider loads on GPUs, and other ops work with it as with any strided tensor.
        /// </summary>
        /// <exception cref="ShapeException">There are no 3 to 5 axes.</exception>
        public Tensor ChannelsLast()
        {
            if (input.Rank is < 3 or > 5)
                throw new ShapeException(
                    $"ChannelsLast: expected an input (N, C, L), (N, C, H, W) or (N, C, D, H, W), not {input.Shape}; Reshape it"
                );
            if (input.IsChannelsLast)
                return input;
            long[] back = [0, input.Rank - 1, .. Order(input.Rank)[1..^1].Select(axis => axis - 1)];
            return input.Permute(Order(input.Rank)).Contiguous().Permute(back);
        }
    }

    /// <summary>The axes in the order in which they lie in memory: (N, …, C).</summary>
    internal static long[] Order(int rank) => [0, .. Enumerable.Range(2, rank - 2).Select(axis => (long)axis), 1];
}
