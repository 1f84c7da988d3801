using System.Globalization;
using CudaNet.Data;
using CudaNet.IO;
using CudaNet.Nn;
using CudaNet.Reporting;

namespace CudaNet.Models;

/// <summary>What a trained digit classifier has to show: which digits it confuses, and what its first layer looks for.</summary>
internal static class DigitReport
{
    private const int MostMistakes = 60;
    private const int MostFilters = 64;

    public static IReadOnlyList<ReportSection> Sections(
        Module<Tensor, Tensor> model,
        LabeledImages images,
        DigitPredictions predictions
    )
    {
        var sections = new List<ReportSection>
        {
            new(
                "Confusion matrix",
                $"Of {Numbers.General(images.Count)} test images, {Numbers.Percent(predictions.Accuracy)} are recognised.",
                [new ConfusionTable(Classes, predictions.Confusion())]
            ),
            Mistakes(images, predictions),
        };
        var weight = model.Parameters().First();
        var units = WeightPictures.Of(weight, images.Height, images.Width, MostFilters);
        if (units.Count > 0)
            sections.Add(FirstLayer(units, weight.Shape[0]));
        sections.AddRange(ExplanationReport.Sections(model, images, predictions));
        return sections;
    }

    private static IReadOnlyList<string> Classes { get; } =
    [.. Enumerable.Range(0, DigitTraining.Classes).Select(digit => digit.ToString(CultureInfo.InvariantCulture))];

    private static ReportSection Mistakes(LabeledImages images, DigitPredictions predictions)
    {
        var wrong = predictions.Mistakes();
        if (wrong.Count == 0)
            return new("Misclassified digits", "There are none: every test image is recognised.", []);
        var shown = wrong.Take(MostMistakes).Select(i => Describe(images, predictions, i)).ToList();
        var which = shown.Count < wrong.Count ? $"{shown.Count} of {wrong.Count}" : $"All {wrong.Count}";
        return new(
            "Misclassified digits",
            $"{which}, beginning with those of which the network was surest. Below each: its label → what it was taken for, and how probable that seemed.",
            [new PictureSheet(shown, Width: 72)]
        );
    }

    private static CaptionedPicture Describe(LabeledImages images, DigitPredictions predictions, int image)
    {
        var (label, best) = (images.Labels[image], predictions.Best(image));
        var probability = Numbers.Percent(predictions.Probability(image, best), 1);
        return new(
            images.Picture(image),
            $"{label} → {best} · {probability}",
            $"Test image {image}: a {label}, taken for a {best} with {probability}; the {label} was given {Numbers.Percent(predictions.Probability(image, label))}"
        );
    }

    private static ReportSection FirstLayer(IReadOnlyList<(int Unit, Picture Picture)> units, long all)
    {
        var which =
            units.Count < all
                ? $"The {units.Count} units of {all} with the largest weights"
                : $"The weights of all {all} units";
        return new(
            "First layer",
            $"{which}: ink counts for a unit where it is red and against it where it is blue.",
            [
                new PictureSheet(
                    [
                        .. units.Select(unit => new CaptionedPicture(
                            unit.Picture,
                            Caption(unit.Unit, units.Count),
                            $"Weights of unit {unit.Unit}"
                        )),
                    ],
                    Width: units[0].Picture.Width < 16 ? 48 : 84
                ),
            ]
        );
    }

    // A few units may be classes, and are told apart; many would only be cluttered with numbers.
    private static string? Caption(int unit, int all) =>
        all <= DigitTraining.Classes ? unit.ToString(CultureInfo.InvariantCulture) : null;
}
