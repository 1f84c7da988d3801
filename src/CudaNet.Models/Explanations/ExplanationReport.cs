using System.Globalization;
using CudaNet.Data;
using CudaNet.IO;
using CudaNet.Nn;
using CudaNet.Reporting;
using CudaNet.Training;

namespace CudaNet.Models;

/// <summary>What a convolutional digit classifier looks at, what its layers see, and how easily it is fooled.</summary>
internal static class ExplanationReport
{
    private const int MostMistakes = 10;
    private const int MostChannels = 16;
    private const int MostAttacked = 500;
    private const int PictureWidth = 112;

    private static readonly double[] s_sizes = [0, 0.02, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2, 0.25, 0.3];
    private const double ShownSize = 0.15;

    /// <summary>The sections; none for a network that does not say where its feature maps come out.</summary>
    public static IEnumerable<ReportSection> Sections(
        Module<Tensor, Tensor> model,
        LabeledImages images,
        DigitPredictions predictions
    )
    {
        var network = model.NamedModules().FirstOrDefault(entry => entry.Module is IFeatureMaps);
        if (network.Module is not IFeatureMaps { FeatureMaps: var layer })
            return [];
        using var frame = Lifetime.Frame();
        return
        [
            RightOnes(model, layer, images, predictions),
            .. WrongOnes(model, layer, images, predictions),
            WhatLayersSee(model, network.Name, images, predictions),
            Attacks(model, images),
        ];
    }

    private static ReportSection RightOnes(
        Module<Tensor, Tensor> model,
        Module<Tensor, Tensor> layer,
        LabeledImages images,
        DigitPredictions predictions
    )
    {
        var chosen = Enumerable
            .Range(0, DigitTraining.Classes)
            .Select(digit =>
                Enumerable
                    .Range(0, images.Count)
                    .Where(i => images.Labels[i] == digit && predictions.IsRight(i))
                    .Select(i => (int?)i)
                    .FirstOrDefault()
            )
            .OfType<int>()
            .Select(i => (Image: i, Class: (int)images.Labels[i]))
            .ToList();
        return new(
            "Grad-CAM: what speaks for the digit",
            "The places that raise the logit of the digit that the network sees, for one recognised test image of each: the brighter they glow, the more.",
            [
                new PictureSheet(
                    Explain(model, layer, images, chosen, (_, digit) => digit.ToString(CultureInfo.InvariantCulture)),
                    PictureWidth
                ),
            ]
        );
    }

    private static IEnumerable<ReportSection> WrongOnes(
        Module<Tensor, Tensor> model,
        Module<Tensor, Tensor> layer,
        LabeledImages images,
        DigitPredictions predictions
    )
    {
        var wrong = Enumerable
            .Range(0, images.Count)
            .Where(i => !predictions.IsRight(i))
            .OrderByDescending(i => predictions.Probability(i, predictions.Best(i)))
            .Take(MostMistakes)
            .ToList();
        if (wrong.Count == 0)
            return [];
        var asked = wrong
            .SelectMany(i => new[] { (Image: i, Class: predictions.Best(i)), (Image: i, Class: images.Labels[i]) })
            .ToList();
        return
        [
            new(
                "Grad-CAM of mistakes",
                "Misclassified digits twice: what speaks for the digit that the network took each for, and what for the one that it is.",
                [
                    new PictureSheet(
                        Explain(
                            model,
                            layer,
                            images,
                            asked,
                            (image, digit) => digit == images.Labels[image] ? $"is {digit}" : $"taken for {digit}"
                        ),
                        PictureWidth
                    ),
                ]
            ),
        ];
    }

    private static List<CaptionedPicture> Explain(
        Module<Tensor, Tensor> model,
        Module<Tensor, Tensor> layer,
        LabeledImages images,
        List<(int Image, int Class)> asked,
        Func<int, int, string> caption
    )
    {
        if (asked.Count == 0)
            return [];
        var batch = Batch(images, [.. asked.Select(question => question.Image)]);
        var classes = Tensor.From<long>([.. asked.Select(question => (long)question.Class)]);
        var maps = ClassActivation.GradCam(model, layer, batch.Images, classes);
        return
        [
            .. asked.Select(
                (question, i) =>
                    new CaptionedPicture(
                        HeatPictures.Overlay(
                            images.Picture(question.Image),
                            maps.Narrow(0, i, 1).Reshape(maps.Shape.Dims[1..].ToArray())
                        ),
                        caption(question.Image, question.Class),
                        $"Test image {question.Image}, a {images.Labels[question.Image]}: what speaks for {question.Class}"
                    )
            ),
        ];
    }

    private static ReportSection WhatLayersSee(
        Module<Tensor, Tensor> model,
        string network,
        LabeledImages images,
        DigitPredictions predictions
    )
    {
        var image = Math.Max(0, Enumerable.Range(0, images.Count).FirstOrDefault(predictions.IsRight));
        var all = ActivationMaps.Record(model, Batch(images, [image]).Images);
        var shown = Below(all, network, 1);
        if (shown.Count < 2)
            shown = Below(all, network, 2);
        var section = new ReportSection(
            "What the layers see",
            $"Test image {image}, a {images.Labels[image]}, in the first {MostChannels} channels behind each part of the network, from the first to the last.",
            [
                .. shown.SelectMany(map =>
                    new IReportElement[]
                    {
                        ReportTable.OfPairs([
                            (
                                map.Module[(map.Module.LastIndexOf('.') + 1)..],
                                $"{map.Type}, {map.Maps.Shape[1]} channels of {map.Maps.Shape[2]} × {map.Maps.Shape[3]}"
                            ),
                        ]),
                        new PictureSheet([
                            .. ActivationMaps
                                .Pictures(map.Maps, most: MostChannels)
                                .Select(
                                    (picture, channel) =>
                                        new CaptionedPicture(picture, null, $"Channel {channel} behind {map.Module}")
                                ),
                        ]),
                    }
                ),
            ]
        );
        foreach (var map in all)
            map.Maps.Release();
        return section;
    }

    /// <summary>The results of the modules so many levels below one.</summary>
    private static List<ActivationMap> Below(IReadOnlyList<ActivationMap> all, string network, int levels)
    {
        var prefix = network.Length == 0 ? "" : network + ".";
        return
        [
            .. all.Where(map =>
                map.Module.StartsWith(prefix, StringComparison.Ordinal)
                && map.Module.Length > prefix.Length
                && map.Module[prefix.Length..].Count(c => c == '.') == levels - 1
            ),
        ];
    }

    private static ReportSection Attacks(Module<Tensor, Tensor> model, LabeledImages images)
    {
        var some = images.Slice(0, Math.Min(MostAttacked, images.Count));
        var batch = Batch(some, [.. Enumerable.Range(0, some.Count)]);
        var points = new List<(double, double)>();
        IReadOnlyList<CaptionedPicture> pictures = [];
        foreach (var size in s_sizes)
        {
            using var frame = Lifetime.Frame();
            var changed = AdversarialExamples.Fgsm(model, batch.Images, batch.Labels, size);
            var bytes = changed.ToArray<float>().Select(value => (byte)Math.Round(value * 255)).ToArray();
            var attacked = some with { Images = bytes };
            var predictions = DigitPredictions.Of(model, attacked);
            points.Add((size, predictions.Accuracy));
            if (size == ShownSize)
                pictures = Fooled(attacked, predictions);
        }
        return new(
            "Adversarial examples",
            $"The share of {Numbers.General(some.Count)} test images that is still recognised when every pixel is changed by up to ε (0 is black, 1 is white) in the direction that raises the loss (FGSM)"
                + (
                    pictures.Count > 0
                        ? FormattableString.Invariant($", and images that fool the network at ε = {ShownSize}.")
                        : "."
                ),
            [
                new LineChart("accuracy", "ε", [new("FGSM", points)], IsShare: true),
                .. pictures.Count > 0 ? [new PictureSheet(pictures, 72)] : Array.Empty<IReportElement>(),
            ]
        );
    }

    private static List<CaptionedPicture> Fooled(LabeledImages images, DigitPredictions predictions) =>
        [
            .. Enumerable
                .Range(0, images.Count)
                .Where(i => !predictions.IsRight(i))
                .Take(MostMistakes)
                .Select(i => new CaptionedPicture(
                    images.Picture(i),
                    $"{images.Labels[i]} → {predictions.Best(i)}",
                    $"Test image {i}, changed: a {images.Labels[i]}, taken for a {predictions.Best(i)}"
                )),
        ];

    private static ImageBatch Batch(LabeledImages images, List<int> chosen) =>
        new ImageBatches(images.Select(chosen), chosen.Count, shuffle: false).Get(0, 0);
}
