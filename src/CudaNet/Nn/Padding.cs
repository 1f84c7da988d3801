namespace CudaNet.Nn;

/// <summary>Images (N, C, H, W) with zeros around them: one amount for all sides, or left, right, top, bottom.</summary>
public sealed class ZeroPad2d(params long[] padding) : Module<Tensor, Tensor>
{
    /// <inheritdoc/>
    protected override Tensor Forward(Tensor input) => input.Pad(Sides.Of(padding));
}

/// <summary>Images (N, C, H, W) mirrored at their edges: one amount for all sides, or left, right, top, bottom.</summary>
public sealed class ReflectionPad2d(params long[] padding) : Module<Tensor, Tensor>
{
    /// <inheritdoc/>
    protected override Tensor Forward(Tensor input) => input.Pad(Sides.Of(padding), PadMode.Reflect);
}

internal static class Sides
{
    public static long[] Of(long[] padding) =>
        padding.Length switch
        {
            1 => [padding[0], padding[0], padding[0], padding[0]],
            4 => padding,
            _ => throw new AttributeException(
                $"padding is one amount for all sides, or four: left, right, top, bottom; got {padding.Length}"
            ),
        };
}
