using CudaNet.IO;

namespace CudaNet.Models;

/// <summary>Maps over images: where a value is large, the image glows.</summary>
public static class HeatPictures
{
    // Of the glow at the largest value; the image stays visible below.
    private const double Opacity = 0.75;

    // From nothing over red to yellow: dark to bright, so that it can also be read without colours.
    private static readonly (double R, double G, double B)[] s_glow =
    [
        (30, 10, 60),
        (150, 20, 90),
        (235, 85, 35),
        (255, 225, 90),
    ];

    /// <summary>Enlarges a map to an image's size, smoothly, and lays it over the image.</summary>
    /// <param name="image">Grey or RGB.</param>
    /// <param name="map">(H, W), from 0; its largest value becomes the brightest glow.</param>
    /// <param name="enlargement">How many pixels a pixel of the image becomes in each direction; the map is drawn at this resolution.</param>
    /// <returns>RGB.</returns>
    /// <exception cref="ShapeException">The map has other than two axes.</exception>
    public static Picture Overlay(Picture image, Tensor map, int enlargement = 4)
    {
        if (map.Rank != 2)
            throw new ShapeException($"HeatPictures.Overlay: expected a map (H, W), got {map.Shape}");
        var large = image.Enlarge(enlargement);
        using var frame = Lifetime.Frame();
        using var noGrad = Autograd.NoGrad();
        var heat = map.Detach()
            .Reshape([1, 1, .. map.Shape.Dims])
            .UpsampleBilinear2d([large.Height, large.Width])
            .ToDoubles();
        var largest = Math.Max(heat.Max(), double.Epsilon);
        var pixels = new byte[heat.Length * 3];
        for (var i = 0; i < heat.Length; i++)
        {
            var share = Math.Clamp(heat[i] / largest, 0, 1);
            var glow = Glow(share);
            var weight = Opacity * Math.Sqrt(share);
            pixels[3 * i] = Mix(large.Pixels[i * large.Channels], glow.R, weight);
            pixels[3 * i + 1] = Mix(large.Pixels[i * large.Channels + (large.Channels > 1 ? 1 : 0)], glow.G, weight);
            pixels[3 * i + 2] = Mix(large.Pixels[i * large.Channels + (large.Channels > 1 ? 2 : 0)], glow.B, weight);
        }
        return new Picture(pixels, large.Width, large.Height, 3);
    }

    private static (double R, double G, double B) Glow(double share)
    {
        var place = share * (s_glow.Length - 1);
        var from = Math.Min((int)place, s_glow.Length - 2);
        var part = place - from;
        var (a, b) = (s_glow[from], s_glow[from + 1]);
        return (a.R + (b.R - a.R) * part, a.G + (b.G - a.G) * part, a.B + (b.B - a.B) * part);
    }

    private static byte Mix(double image, double glow, double weight) =>
        (byte)Math.Round(image * (1 - weight) + glow * weight);
}
