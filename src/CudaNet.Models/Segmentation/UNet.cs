using CudaNet.Nn;

namespace CudaNet.Models;

/// <summary>
/// The network for segmentation by Ronneberger, Fischer, Brox 2015: what comes in is halved several times, with more channels each time, and brought back to
/// its size, where each step upwards also reads what the step downwards of its size gave. (N, inChannels, H, W) → (N, classes, H, W) logits, for any H
/// and W of at least 2 to the power of the halvings.
/// </summary>
/// <remarks>As is usual today the convolutions are padded, so that the size is kept, and followed by batch normalisation.</remarks>
public sealed class UNet : Module<Tensor, Tensor>
{
    private readonly MaxPool2d _halve = new(2);
    private readonly Sequential[] _down;
    private readonly ConvTranspose2d[] _enlarge;
    private readonly Sequential[] _up;
    private readonly Conv2d _classify;

    /// <summary>A network.</summary>
    /// <param name="inChannels">Channels of the images.</param>
    /// <param name="classes">Logits per pixel.</param>
    /// <param name="width">Channels at full size; doubled with each halving.</param>
    /// <param name="halvings">How often the size is halved.</param>
    /// <param name="generator">Draws the first weights.</param>
    public UNet(long inChannels, long classes, long width = 64, int halvings = 4, Generator? generator = null)
    {
        (_down, _enlarge, _up) = (
            new Sequential[halvings + 1],
            new ConvTranspose2d[halvings],
            new Sequential[halvings]
        );
        for (var level = 0; level <= halvings; level++)
        {
            var channels = width << level;
            var from = level == 0 ? inChannels : channels / 2;
            _down[level] = AddModule($"down{level}", DoubleConvolution(from, channels, generator));
        }
        for (var level = halvings - 1; level >= 0; level--)
        {
            var channels = width << level;
            _enlarge[level] = AddModule(
                $"enlarge{level}",
                new ConvTranspose2d(2 * channels, channels, 2, 2, generator: generator)
            );
            _up[level] = AddModule($"up{level}", DoubleConvolution(2 * channels, channels, generator));
        }
        _classify = AddModule("classify", new Conv2d(width, classes, 1, generator: generator));
    }

    /// <inheritdoc/>
    protected override Tensor Forward(Tensor input)
    {
        var skipped = new Tensor[_down.Length];
        var maps = skipped[0] = _down[0].Call(input);
        for (var level = 1; level < _down.Length; level++)
            maps = skipped[level] = _down[level].Call(_halve.Call(maps));
        for (var level = _up.Length - 1; level >= 0; level--)
            maps = _up[level].Call(Tensor.Concat([skipped[level], Fit(_enlarge[level].Call(maps), skipped[level])], 1));
        return _classify.Call(maps);
    }

    /// <summary>Adds the row and the column that halving an odd size has lost.</summary>
    private static Tensor Fit(Tensor maps, Tensor like)
    {
        var (rows, columns) = (like.Shape[2] - maps.Shape[2], like.Shape[3] - maps.Shape[3]);
        return rows == 0 && columns == 0 ? maps : maps.Pad([0, columns, 0, rows]);
    }

    private static Sequential DoubleConvolution(long inChannels, long outChannels, Generator? generator) =>
        new(
            HeConvolution.Create(inChannels, outChannels, 3, 1, generator),
            new BatchNorm2d(outChannels),
            new Relu(),
            HeConvolution.Create(outChannels, outChannels, 3, 1, generator),
            new BatchNorm2d(outChannels),
            new Relu()
        );
}
