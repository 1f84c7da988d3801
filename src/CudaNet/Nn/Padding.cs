namespace CudaNet.Nn;

/// <summary>Sequences (N, C, L) with zeros around them: one amount for both ends, or left, right.</summary>
public sealed class ZeroPad1d(params long[] padding) : PadLayer(1, PadMode.Constant, padding);

/// <summary>Images (N, C, H, W) with zeros around them: one amount for all sides, or left, right, top, bottom.</summary>
public sealed class ZeroPad2d(params long[] padding) : PadLayer(2, PadMode.Constant, padding);

/// <summary>Volumes (N, C, D, H, W) with zeros around them: one amount for all sides, or left, right, top, bottom, front, back.</summary>
public sealed class ZeroPad3d(params long[] padding) : PadLayer(3, PadMode.Constant, padding);

/// <summary>Sequences (N, C, L) mirrored at their edges: one amount for both ends, or left, right.</summary>
public sealed class ReflectionPad1d(params long[] padding) : PadLayer(1, PadMode.Reflect, padding);

/// <summary>Images (N, C, H, W) mirrored at their edges: one amount for all sides, or left, right, top, bottom.</summary>
public sealed class ReflectionPad2d(params long[] padding) : PadLayer(2, PadMode.Reflect, padding);

/// <summary>Volumes (N, C, D, H, W) mirrored at their edges: one amount for all sides, or left, right, top, bottom, front, back.</summary>
public sealed class ReflectionPad3d(params long[] padding) : PadLayer(3, PadMode.Reflect, padding);

/// <summary>Sequences (N, C, L) with their edges repeated: one amount for both ends, or left, right.</summary>
public sealed class ReplicationPad1d(params long[] padding) : PadLayer(1, PadMode.Replicate, padding);

/// <summary>Images (N, C, H, W) with their edges repeated: one amount for all sides, or left, right, top, bottom.</summary>
public sealed class ReplicationPad2d(params long[] padding) : PadLayer(2, PadMode.Replicate, padding);

/// <summary>Volumes (N, C, D, H, W) with their edges repeated: one amount for all sides, or left, right, top, bottom, front, back.</summary>
public sealed class ReplicationPad3d(params long[] padding) : PadLayer(3, PadMode.Replicate, padding);

/// <summary>Sequences (N, C, L) continued from their other end: one amount for both ends, or left, right.</summary>
public sealed class CircularPad1d(params long[] padding) : PadLayer(1, PadMode.Circular, padding);

/// <summary>Images (N, C, H, W) continued from their other end: one amount for all sides, or left, right, top, bottom.</summary>
public sealed class CircularPad2d(params long[] padding) : PadLayer(2, PadMode.Circular, padding);

/// <summary>Volumes (N, C, D, H, W) continued from their other end: one amount for all sides, or left, right, top, bottom, front, back.</summary>
public sealed class CircularPad3d(params long[] padding) : PadLayer(3, PadMode.Circular, padding);

/// <summary>A layer that pads: the amounts come from the last axis on, before and after it, as torch.nn's.</summary>
public abstract class PadLayer : Module<Tensor, Tensor>
{
    private readonly long[] _sides;
    private readonly PadMode _mode;

    /// <exception cref="AttributeException">There is neither one amount nor two for each axis.</exception>
    private protected PadLayer(int axes, PadMode mode, long[] padding)
    {
        if (padding.Length != 1 && padding.Length != 2 * axes)
            throw new AttributeException(
                $"{GetType().Name}: padding is one amount for all sides, or {s_counts[axes - 1]}: {string.Join(", ", s_names[..(2 * axes)])}; got {padding.Length}"
            );
        _sides = padding.Length == 1 ? [.. Enumerable.Repeat(padding[0], 2 * axes)] : padding;
        _mode = mode;
    }

    private static readonly string[] s_counts = ["two", "four", "six"];
    private static readonly string[] s_names = ["left", "right", "top", "bottom", "front", "back"];

    /// <inheritdoc/>
    protected override Tensor Forward(Tensor input) => input.Pad(_sides, _mode);
}
