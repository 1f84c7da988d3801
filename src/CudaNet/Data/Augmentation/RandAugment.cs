using CudaNet.Random;

namespace CudaNet.Data;

/// <summary>
/// Strong augmentation: some operations chosen at random from fourteen, each with a random magnitude, and then <see cref="Cutout"/>. Source: Cubuk et al.,
/// "RandAugment", 2019, in the form of Sohn et al., "FixMatch", 2020, appendix D, table 12 (with its ranges).
/// </summary>
/// <param name="Operations">How many operations; FixMatch takes 2.</param>
/// <param name="CutoutHigh">The greatest side of the square that is cut out, as a share of the image; 0 for none.</param>
/// <param name="Fill">The value of what comes from outside, and of the square.</param>
public sealed record RandAugment(int Operations = 2, double CutoutHigh = 0.5, double Fill = 0.5) : IAugmentation
{
    private const double FactorLow = 0.05;
    private const double FactorHigh = 0.95;
    private const double MostDegrees = 30;
    private const double MostShear = 0.3;
    private const double MostMove = 0.3;

    /// <summary>The operations by name, in the order of their numbers.</summary>
    public static IReadOnlyList<string> Names { get; } =
    [
        "identity",
        "autocontrast",
        "brightness",
        "colour",
        "contrast",
        "equalize",
        "posterize",
        "rotate",
        "sharpness",
        "shear x",
        "shear y",
        "solarize",
        "translate x",
        "translate y",
    ];

    /// <inheritdoc/>
    public void Apply(ImageCanvas image, ref PhiloxStream random)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(Operations);
        for (var i = 0; i < Operations; i++)
        {
            var operation = random.NextInt(Names.Count);
            ApplyOne(image, operation, random.NextDouble());
        }
        if (CutoutHigh > 0)
            new Cutout(0, CutoutHigh, Fill).Apply(image, ref random);
    }

    /// <summary>One operation.</summary>
    /// <param name="image">The image.</param>
    /// <param name="operation">A place in <see cref="Names"/>.</param>
    /// <param name="magnitude">In [0, 1]: from the lower to the upper end of the operation's range.</param>
    internal void ApplyOne(ImageCanvas image, int operation, double magnitude)
    {
        var factor = (float)(FactorLow + (FactorHigh - FactorLow) * magnitude);
        var signed = 2 * magnitude - 1;
        switch (Names[operation])
        {
            case "autocontrast":
                PixelOperations.AutoContrast(image);
                break;
            case "brightness":
                PixelOperations.Brightness(image, factor);
                break;
            case "colour":
                PixelOperations.Colour(image, factor);
                break;
            case "contrast":
                PixelOperations.Contrast(image, factor);
                break;
            case "equalize":
                PixelOperations.Equalize(image);
                break;
            case "posterize":
                PixelOperations.Posterize(image, 4 + (int)(magnitude * 4.999));
                break;
            case "rotate":
                Move(image, degrees: MostDegrees * signed);
                break;
            case "sharpness":
                PixelOperations.Sharpness(image, factor);
                break;
            case "shear x":
                Move(image, shearX: MostShear * signed);
                break;
            case "shear y":
                Move(image, shearY: MostShear * signed);
                break;
            case "solarize":
                PixelOperations.Solarize(image, (float)magnitude);
                break;
            case "translate x":
                Move(image, moveX: MostMove * signed * image.Width);
                break;
            case "translate y":
                Move(image, moveY: MostMove * signed * image.Height);
                break;
        }
    }

    private void Move(
        ImageCanvas image,
        double degrees = 0,
        double shearX = 0,
        double shearY = 0,
        double moveX = 0,
        double moveY = 0
    ) => RandomAffine.Move(image, degrees, 1, shearX, shearY, moveX, moveY, (float)Fill);
}
