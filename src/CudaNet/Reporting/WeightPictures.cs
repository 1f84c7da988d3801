using CudaNet.IO;

namespace CudaNet.Reporting;

/// <summary>
/// What the units of a first layer look for, as pictures: white where a weight is zero, towards red where it is positive and towards blue where
/// it is negative, each unit on a scale of its own.
/// </summary>
public static class WeightPictures
{
    // The ends and the middle of ColorBrewer's RdBu, which also the colour-blind tell apart.
    private static readonly (double R, double G, double B) s_negative = (33, 102, 172);
    private static readonly (double R, double G, double B) s_zero = (247, 247, 247);
    private static readonly (double R, double G, double B) s_positive = (178, 24, 43);

    /// <summary>The strongest units of a layer that reads images of one channel.</summary>
    /// <param name="weight">(units, 1, height, width) of a convolution or (units, height · width) of a linear layer.</param>
    /// <param name="height">Rows of the images that a linear layer reads.</param>
    /// <param name="width">Pixels per row of the images that a linear layer reads.</param>
    /// <param name="most">How many units to show at most: those with the largest weights.</param>
    /// <returns>The units' numbers with their pictures, in the layer's order; none when the weight is of no such layer.</returns>
    public static IReadOnlyList<(int Unit, Picture Picture)> Of(Tensor weight, int height, int width, int most)
    {
        if (weight.Rank == 4 && weight.Shape[1] == 1)
            (height, width) = ((int)weight.Shape[2], (int)weight.Shape[3]);
        else if (weight.Rank != 2 || weight.Shape[1] != (long)height * width)
            return [];
        var values = weight.ToDoubles();
        return
        [
            .. values
                .Chunk(height * width)
                .Index()
                .OrderByDescending(unit => unit.Item.Sum(value => value * value))
                .Take(most)
                .OrderBy(unit => unit.Index)
                .Select(unit => (unit.Index, new Picture(Colours(unit.Item), width, height, 3))),
        ];
    }

    /// <summary>RGB bytes: three per value.</summary>
    private static byte[] Colours(double[] values)
    {
        var largest = values.Max(Math.Abs);
        var colours = new byte[values.Length * 3];
        for (var i = 0; i < values.Length; i++)
        {
            var share = largest > 0 && double.IsFinite(largest) ? values[i] / largest : 0;
            var end = share < 0 ? s_negative : s_positive;
            colours[3 * i] = Mix(s_zero.R, end.R, share);
            colours[3 * i + 1] = Mix(s_zero.G, end.G, share);
            colours[3 * i + 2] = Mix(s_zero.B, end.B, share);
        }
        return colours;
    }

    private static byte Mix(double from, double to, double share) =>
        (byte)Math.Round(from + (to - from) * Math.Abs(share));
}
