namespace CudaNet.Nn;

/// <summary>The largest element of each window of images (N, C, H, W); the stride is that of the kernel when left out.</summary>
public sealed class MaxPool2d(
    long[] kernelSize,
    long[]? stride = null,
    long[]? padding = null,
    long[]? dilation = null,
    bool ceilMode = false
) : Module<Tensor, Tensor>
{
    /// <summary>Square windows.</summary>
    public MaxPool2d(long kernelSize, long? stride = null, long padding = 0, long dilation = 1, bool ceilMode = false)
        : this([kernelSize], [stride ?? kernelSize], [padding], [dilation], ceilMode) { }

    /// <inheritdoc/>
    protected override Tensor Forward(Tensor input) => input.MaxPool2d(kernelSize, stride, padding, dilation, ceilMode);
}
