namespace CudaNet.Nn;

/// <summary>
/// The patches of images that a convolution looks at, in columns (im2col), and the sum of such columns into images (col2im), which is its adjoint: how a
/// convolution becomes a matrix product. Both are gathers and scatters that are differentiable to any order.
/// </summary>
public static class PatchExtensions
{
    extension(Tensor input)
    {
        /// <summary>(N, C, H, W) → (N, C·kh·kw, L): column l holds the patch that output position l of a convolution sees, as torch.nn.functional.unfold.</summary>
        /// <param name="kernelSize">Height and width, or one number for both.</param>
        /// <param name="stride">1 when not given.</param>
        /// <param name="padding">Zeros on each side; 0 when not given.</param>
        /// <param name="dilation">1 when not given.</param>
        /// <exception cref="ShapeException">The input is no batch of images, or no patch fits in it.</exception>
        public Tensor Unfold(
            ReadOnlySpan<long> kernelSize,
            ReadOnlySpan<long> stride = default,
            ReadOnlySpan<long> padding = default,
            ReadOnlySpan<long> dilation = default
        )
        {
            if (input.Rank != 4)
                throw new ShapeException($"Unfold: expected (N, C, H, W), got {input.Shape}");
            var patches = Patches.Of("Unfold", input.Shape[2], input.Shape[3], kernelSize, stride, padding, dilation);
            var (batch, channels) = (input.Shape[0], input.Shape[1]);
            var padded = input.Pad([
                patches.Width.Padding,
                patches.Width.Padding,
                patches.Height.Padding,
                patches.Height.Padding,
            ]);
            var flat = padded.Reshape(batch, channels, -1);
            var taken = flat.IndexSelect(2, patches.Positions(input.Device));
            return taken.Reshape(batch, channels * patches.Kernel, patches.Count);
        }

        /// <summary>(N, C·kh·kw, L) → (N, C, H, W): adds every patch at its place, as torch.nn.functional.fold.</summary>
        /// <param name="outputSize">H and W, or one number for both.</param>
        /// <param name="kernelSize">As of <see cref="Unfold"/>.</param>
        /// <param name="stride">As of <see cref="Unfold"/>.</param>
        /// <param name="padding">As of <see cref="Unfold"/>.</param>
        /// <param name="dilation">As of <see cref="Unfold"/>.</param>
        /// <exception cref="ShapeException">The input is not what <see cref="Unfold"/> makes of such images.</exception>
        public Tensor Fold(
            ReadOnlySpan<long> outputSize,
            ReadOnlySpan<long> kernelSize,
            ReadOnlySpan<long> stride = default,
            ReadOnlySpan<long> padding = default,
            ReadOnlySpan<long> dilation = default
        )
        {
            var (height, width) = Patches.Two("Fold", outputSize, 0);
            var patches = Patches.Of("Fold", height, width, kernelSize, stride, padding, dilation);
            if (input.Rank != 3 || input.Shape[1] % patches.Kernel != 0 || input.Shape[2] != patches.Count)
                throw new ShapeException(
                    $"Fold: expected (N, C·{patches.Kernel}, {patches.Count}) for images of {height} × {width}, got {input.Shape}"
                );
            var (batch, channels) = (input.Shape[0], input.Shape[1] / patches.Kernel);
            var (h, w) = (patches.Height, patches.Width);
            var empty = Tensor.Zeros([batch, channels, h.Padded * w.Padded], input.DType, input.Device);
            var values = input.Reshape(batch, channels, patches.Kernel * patches.Count);
            var places = patches.Positions(input.Device).Reshape(1, 1, -1).Expand(values.Shape.Dims).Contiguous();
            return empty
                .ScatterAdd(2, places, values)
                .Reshape(batch, channels, h.Padded, w.Padded)
                .Narrow(2, h.Padding, height)
                .Narrow(3, w.Padding, width);
        }
    }
}

/// <summary>im2col as a layer: (N, C, H, W) → (N, C·kh·kw, L).</summary>
public sealed class Unfold(long[] kernelSize, long[]? dilation = null, long[]? padding = null, long[]? stride = null)
    : Module<Tensor, Tensor>
{
    /// <inheritdoc/>
    protected override Tensor Forward(Tensor input) => input.Unfold(kernelSize, stride, padding, dilation);
}

/// <summary>col2im as a layer: (N, C·kh·kw, L) → (N, C, H, W).</summary>
public sealed class Fold(
    long[] outputSize,
    long[] kernelSize,
    long[]? dilation = null,
    long[]? padding = null,
    long[]? stride = null
) : Module<Tensor, Tensor>
{
    /// <inheritdoc/>
    protected override Tensor Forward(Tensor input) => input.Fold(outputSize, kernelSize, stride, padding, dilation);
}

/// <summary>Where the windows lie along one axis.</summary>
internal readonly record struct PatchAxis(long Input, long Kernel, long Stride, long Padding, long Dilation)
{
    public int Padded => (int)(Input + 2 * Padding);

    public long Count => (Padded - Dilation * (Kernel - 1) - 1) / Stride + 1;
}

/// <summary>The windows of a convolution over images of one size.</summary>
internal readonly record struct Patches(PatchAxis Height, PatchAxis Width)
{
    public long Kernel => Height.Kernel * Width.Kernel;

    public long Count => Height.Count * Width.Count;

    public static Patches Of(
        string caller,
        long height,
        long width,
        ReadOnlySpan<long> kernelSize,
        ReadOnlySpan<long> stride,
        ReadOnlySpan<long> padding,
        ReadOnlySpan<long> dilation
    )
    {
        var (k, s) = (Two(caller, kernelSize, 0), Two(caller, stride, 1));
        var (p, d) = (Two(caller, padding, 0), Two(caller, dilation, 1));
        var patches = new Patches(
            new(height, k.Height, s.Height, p.Height, d.Height),
            new(width, k.Width, s.Width, p.Width, d.Width)
        );
        foreach (var axis in new[] { patches.Height, patches.Width })
            if (
                axis.Kernel < 1
                || axis.Stride < 1
                || axis.Padding < 0
                || axis.Dilation < 1
                || axis.Dilation * (axis.Kernel - 1) + 1 > axis.Padded
            )
                throw new ShapeException(
                    $"{caller}: a window of {axis.Kernel} with stride {axis.Stride}, padding {axis.Padding} and dilation {axis.Dilation} does not fit {axis.Input} elements"
                );
        return patches;
    }

    /// <summary>Height and width from one number for both, two, or none.</summary>
    public static (long Height, long Width) Two(string caller, ReadOnlySpan<long> values, long otherwise) =>
        values.Length switch
        {
            0 => (otherwise, otherwise),
            1 => (values[0], values[0]),
            2 => (values[0], values[1]),
            _ => throw new ShapeException($"{caller}: expected one or two numbers, got {values.Length}"),
        };

    /// <summary>i64, (kernel · count): the places in the flattened padded plane, window elements outermost.</summary>
    public Tensor Positions(Device device)
    {
        var (rows, columns) = (Starts(Height, device), Starts(Width, device));
        // (kh, kw, oh, ow)
        var places =
            rows.Reshape(Height.Kernel, 1, Height.Count, 1) * (double)Width.Padded
            + columns.Reshape(1, Width.Kernel, 1, Width.Count);
        return places.Reshape(-1);
    }

    private static Tensor Starts(PatchAxis axis, Device device)
    {
        var element = Tensor.Arange(axis.Kernel, device: device).Reshape(axis.Kernel, 1) * (double)axis.Dilation;
        var window = Tensor.Arange(axis.Count, device: device).Reshape(1, axis.Count) * (double)axis.Stride;
        return element + window;
    }
}
