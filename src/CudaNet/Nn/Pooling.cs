namespace CudaNet.Nn;

/// <summary>The largest element of each window of sequences (N, C, L); the stride is that of the kernel when left out.</summary>
public sealed class MaxPool1d(
    long kernelSize,
    long? stride = null,
    long padding = 0,
    long dilation = 1,
    bool ceilMode = false
) : Module<Tensor, Tensor>
{
    /// <inheritdoc/>
    protected override Tensor Forward(Tensor input) => input.MaxPool1d(kernelSize, stride, padding, dilation, ceilMode);
}

/// <summary>The mean of each window of sequences (N, C, L); the stride is that of the kernel when left out.</summary>
public sealed class AvgPool1d(
    long kernelSize,
    long? stride = null,
    long padding = 0,
    bool ceilMode = false,
    bool countIncludePad = true
) : Module<Tensor, Tensor>
{
    /// <inheritdoc/>
    protected override Tensor Forward(Tensor input) =>
        input.AvgPool1d(kernelSize, stride, padding, ceilMode, countIncludePad);
}

/// <summary>Sequences averaged to a length.</summary>
public sealed class AdaptiveAvgPool1d(long outputSize) : Module<Tensor, Tensor>
{
    /// <inheritdoc/>
    protected override Tensor Forward(Tensor input) => input.AdaptiveAvgPool1d(outputSize);
}

/// <summary>Sequences brought to a length by the largest element of each window.</summary>
public sealed class AdaptiveMaxPool1d(long outputSize) : Module<Tensor, Tensor>
{
    /// <inheritdoc/>
    protected override Tensor Forward(Tensor input) => input.AdaptiveMaxPool1d(outputSize);
}

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

    /// <summary>The sides of a window: one number or height and width.</summary>
    public ReadOnlySpan<long> KernelSize => kernelSize;

    /// <summary>The distance between neighbouring windows: one number or one per axis.</summary>
    public ReadOnlySpan<long> Stride => stride is { Length: > 0 } ? stride : kernelSize;

    /// <inheritdoc/>
    protected override Tensor Forward(Tensor input) => input.MaxPool2d(kernelSize, stride, padding, dilation, ceilMode);
}

/// <summary>The mean of each window of images (N, C, H, W); the stride is that of the kernel when left out.</summary>
public sealed class AvgPool2d(
    long[] kernelSize,
    long[]? stride = null,
    long[]? padding = null,
    bool ceilMode = false,
    bool countIncludePad = true
) : Module<Tensor, Tensor>
{
    /// <summary>Square windows.</summary>
    public AvgPool2d(
        long kernelSize,
        long? stride = null,
        long padding = 0,
        bool ceilMode = false,
        bool countIncludePad = true
    )
        : this([kernelSize], [stride ?? kernelSize], [padding], ceilMode, countIncludePad) { }

    /// <inheritdoc/>
    protected override Tensor Forward(Tensor input) =>
        input.AvgPool2d(kernelSize, stride, padding, ceilMode, countIncludePad);
}

/// <summary>Images averaged to a size, one number or height and width.</summary>
public sealed class AdaptiveAvgPool2d(params long[] outputSize) : Module<Tensor, Tensor>
{
    /// <inheritdoc/>
    protected override Tensor Forward(Tensor input) => input.AdaptiveAvgPool2d(outputSize);
}

/// <summary>Images brought to a size, one number or height and width, by the largest element of each window.</summary>
public sealed class AdaptiveMaxPool2d(params long[] outputSize) : Module<Tensor, Tensor>
{
    /// <inheritdoc/>
    protected override Tensor Forward(Tensor input) => input.AdaptiveMaxPool2d(outputSize);
}

/// <summary>The largest element of each window of volumes (N, C, D, H, W); the stride is that of the kernel when left out.</summary>
public sealed class MaxPool3d(
    long[] kernelSize,
    long[]? stride = null,
    long[]? padding = null,
    long[]? dilation = null,
    bool ceilMode = false
) : Module<Tensor, Tensor>
{
    /// <summary>Cubic windows.</summary>
    public MaxPool3d(long kernelSize, long? stride = null, long padding = 0, long dilation = 1, bool ceilMode = false)
        : this([kernelSize], [stride ?? kernelSize], [padding], [dilation], ceilMode) { }

    /// <inheritdoc/>
    protected override Tensor Forward(Tensor input) => input.MaxPool3d(kernelSize, stride, padding, dilation, ceilMode);
}

/// <summary>The mean of each window of volumes (N, C, D, H, W); the stride is that of the kernel when left out.</summary>
public sealed class AvgPool3d(
    long[] kernelSize,
    long[]? stride = null,
    long[]? padding = null,
    bool ceilMode = false,
    bool countIncludePad = true
) : Module<Tensor, Tensor>
{
    /// <summary>Cubic windows.</summary>
    public AvgPool3d(
        long kernelSize,
        long? stride = null,
        long padding = 0,
        bool ceilMode = false,
        bool countIncludePad = true
    )
        : this([kernelSize], [stride ?? kernelSize], [padding], ceilMode, countIncludePad) { }

    /// <inheritdoc/>
    protected override Tensor Forward(Tensor input) =>
        input.AvgPool3d(kernelSize, stride, padding, ceilMode, countIncludePad);
}

/// <summary>Volumes averaged to a size, one number or depth, height and width.</summary>
public sealed class AdaptiveAvgPool3d(params long[] outputSize) : Module<Tensor, Tensor>
{
    /// <inheritdoc/>
    protected override Tensor Forward(Tensor input) => input.AdaptiveAvgPool3d(outputSize);
}

/// <summary>Volumes brought to a size, one number or depth, height and width, by the largest element of each window.</summary>
public sealed class AdaptiveMaxPool3d(params long[] outputSize) : Module<Tensor, Tensor>
{
    /// <inheritdoc/>
    protected override Tensor Forward(Tensor input) => input.AdaptiveMaxPool3d(outputSize);
}
