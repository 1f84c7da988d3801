namespace CudaNet;

/// <summary>Pooling of sequences (N, C, L) or (C, L), which is that of images of height 1.</summary>
public static class Pooling1dExtensions
{
    extension(Tensor input)
    {
        /// <summary>The largest element of each window, as torch.nn.functional.max_pool1d.</summary>
        /// <param name="kernelSize">The extent of a window.</param>
        /// <param name="stride">The step from window to window; that of the kernel when left out.</param>
        /// <param name="padding">How far windows reach over the ends; at most half the kernel.</param>
        /// <param name="dilation">The step within a window.</param>
        /// <param name="ceilMode">Whether a last, incomplete window counts.</param>
        /// <exception cref="ShapeException">The input is no sequence, or no window fits into it.</exception>
        /// <exception cref="AttributeException">A size is out of its range.</exception>
        public Tensor MaxPool1d(
            long kernelSize,
            long? stride = null,
            long padding = 0,
            long dilation = 1,
            bool ceilMode = false
        ) =>
            input
                .Unsqueeze(-2)
                .MaxPool2d([1, kernelSize], [1, stride ?? kernelSize], [0, padding], [1, dilation], ceilMode)
                .Squeeze(-2);

        /// <summary>The same together with the positions of the largest elements, i64.</summary>
        /// <inheritdoc cref="MaxPool1d"/>
        public (Tensor Output, Tensor Indices) MaxPool1dWithIndices(
            long kernelSize,
            long? stride = null,
            long padding = 0,
            long dilation = 1,
            bool ceilMode = false
        )
        {
            var (output, indices) = input
                .Unsqueeze(-2)
                .MaxPool2dWithIndices(
                    [1, kernelSize],
                    [1, stride ?? kernelSize],
                    [0, padding],
                    [1, dilation],
                    ceilMode
                );
            return (output.Squeeze(-2), indices.Squeeze(-2));
        }

        /// <summary>The mean of each window, as torch.nn.functional.avg_pool1d.</summary>
        /// <param name="kernelSize">The extent of a window.</param>
        /// <param name="stride">The step from window to window; that of the kernel when left out.</param>
        /// <param name="padding">How far windows reach over the ends, into zeros; at most half the kernel.</param>
        /// <param name="ceilMode">Whether a last, incomplete window counts.</param>
        /// <param name="countIncludePad">Whether the zeros count in the mean.</param>
        /// <exception cref="ShapeException">The input is no sequence, or no window fits into it.</exception>
        /// <exception cref="AttributeException">A size is out of its range.</exception>
        public Tensor AvgPool1d(
            long kernelSize,
            long? stride = null,
            long padding = 0,
            bool ceilMode = false,
            bool countIncludePad = true
        ) =>
            input
                .Unsqueeze(-2)
                .AvgPool2d([1, kernelSize], [1, stride ?? kernelSize], [0, padding], ceilMode, countIncludePad)
                .Squeeze(-2);

        /// <summary>Sequences averaged to a length, as torch.nn.functional.adaptive_avg_pool1d.</summary>
        /// <exception cref="ShapeException">The input is no sequence.</exception>
        /// <exception cref="AttributeException">The length is below 1.</exception>
        public Tensor AdaptiveAvgPool1d(long outputSize) =>
            input.Unsqueeze(-2).AdaptiveAvgPool2d(1, outputSize).Squeeze(-2);

        /// <summary>The largest elements of sequences, brought to a length, as torch.nn.functional.adaptive_max_pool1d.</summary>
        /// <exception cref="ShapeException">The input is no sequence.</exception>
        /// <exception cref="AttributeException">The length is below 1.</exception>
        public Tensor AdaptiveMaxPool1d(long outputSize) =>
            input.Unsqueeze(-2).AdaptiveMaxPool2d(1, outputSize).Squeeze(-2);
    }
}
