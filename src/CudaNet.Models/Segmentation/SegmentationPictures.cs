using CudaNet.Data;
using CudaNet.IO;

namespace CudaNet.Models;

/// <summary>Images with their classes in colours.</summary>
internal static class SegmentationPictures
{
    private const int Enlargement = 2;

    // Okabe and Ito's, which also the colour-blind tell apart; the ground stays as it is.
    private static readonly (byte R, byte G, byte B)[] s_colours =
    [
        (0, 0, 0),
        (0, 158, 222),
        (230, 159, 0),
        (213, 60, 120),
    ];

    /// <summary>The image, what its pixels are, and what the network says, side by side.</summary>
    public static Picture Triptych(SegmentationPredictions predictions, int image)
    {
        var images = predictions.Images;
        var size = images.Height * images.Width;
        var grey = images.Images.AsSpan(image * size, size);
        return ImageGrid.Row(
            Coloured(grey, default, images),
            Coloured(grey, images.Masks.AsSpan(image * size, size), images),
            Coloured(grey, predictions.Masks.AsSpan(image * size, size), images)
        );
    }

    private static Picture Coloured(ReadOnlySpan<byte> grey, ReadOnlySpan<byte> mask, SegmentedImages images)
    {
        var pixels = new byte[3 * grey.Length];
        for (var i = 0; i < grey.Length; i++)
        {
            var label = mask.IsEmpty ? 0 : mask[i];
            var (r, g, b) = label == 0 ? (grey[i], grey[i], grey[i]) : s_colours[label];
            (pixels[3 * i], pixels[3 * i + 1], pixels[3 * i + 2]) = (
                Half(r, grey[i]),
                Half(g, grey[i]),
                Half(b, grey[i])
            );
        }
        return new Picture(pixels, images.Width, images.Height, 3).Enlarge(Enlargement);
    }

    private static byte Half(byte colour, byte grey) => (byte)((2 * colour + grey) / 3);
}
