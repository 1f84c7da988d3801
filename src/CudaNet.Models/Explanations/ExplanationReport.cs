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
    private const int ChannelColumns = 8;
    private const int ChannelsWidth = 440;
    private const int MostAttacked = 250;
    private const int ShownSize = 40;
    private const int PictureWidth = 112;

    // In grey levels.
    private static readonly int[] s_sizes = [0, 5, 10, 15, 20, 25, 30, 40, 50, 60, 75];

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
            .. Attacks(model, images),
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
        var pictures = Explain(model, layer, images, chosen)
            .Zip(
                chosen,
                (picture, question) =>
                    new CaptionedPicture(
                        picture,
                        question.Class.ToString(CultureInfo.InvariantCulture),
                        $"Test image {question.Image}: what speaks for {question.Class}"
                    )
            );
        return new(
            "Grad-CAM: what speaks for the digit",
            "The places that raise the logit of the digit that the network sees, for one recognised test image of each: the brighter they glow, the more.",
            [new PictureSheet([.. pictures], PictureWidth)]
        );
    }

    private static IEnumerable<ReportSection> WrongOnes(
        Module<Tensor, Tensor> model,
        Module<Tensor, Tensor> layer,
        LabeledImages images,
        DigitPredictions predictions
    )
    {
        var wrong = predictions.Mistakes().Take(MostMistakes).ToList();
        if (wrong.Count == 0)
            return [];
        var taken = Explain(model, layer, images, [.. wrong.Select(i => (i, predictions.Best(i)))]);
        var meant = Explain(model, layer, images, [.. wrong.Select(i => (i, (int)images.Labels[i]))]);
        var pairs = wrong.Select(
            (i, place) =>
                new CaptionedPicture(
                    ImageGrid.Row(taken[place], meant[place]),
                    $"taken for {predictions.Best(i)} · is {images.Labels[i]}",
                    $"Test image {i}: what speaks for {predictions.Best(i)}, and what for {images.Labels[i]}"
                )
        );
        return
        [
            new(
                "Grad-CAM of mistakes",
                "Misclassified digits twice: on the left what speaks for the digit that each was taken for, on the right what speaks for the one that it is.",
                [new PictureSheet([.. pairs], 2 * PictureWidth)]
            ),
        ];
    }

    private static List<Picture> Explain(
        Module<Tensor, Tensor> model,
        Module<Tensor, Tensor> layer,
        LabeledImages images,
        List<(int Image, int Class)> asked
    )
    {
        if (asked.Count == 0)
            return [];
        var batch = Batch(images, [.. asked.Select(question => question.Image)]);
        var classes = Tensor.From<long>([.. asked.Select(question => (long)question.Class)]);
        var maps = ClassActivation.GradCam(model, layer, batch.Images, classes);
        Shape size = maps.Shape.Dims[1..].ToArray();
        return
        [
            .. asked.Select(
                (question, i) =>
                    HeatPictures.Overlay(images.Picture(question.Image), maps.Narrow(0, i, 1).Reshape(size))
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
        var image = Enumerable.Range(0, images.Count).FirstOrDefault(predictions.IsRight);
        var all = ActivationMaps.Record(model, Batch(images, [image]).Images);
        var shown = Below(all, network, 1);
        if (shown.Count < 2)
            shown = Below(all, network, 2);
        var section = new ReportSection(
            "What the layers see",
            $"Test image {image}, a {images.Labels[image]}, in the first {MostChannels} channels behind each part of the network, from the first to the last.",
            [new PictureSheet([.. shown.Select(Channels)], ChannelsWidth)]
        );
        foreach (var map in all)
            map.Maps.Release();
        return section;
    }

    /// <summary>The first channels of a layer, of whatever size, as one picture.</summary>
    private static CaptionedPicture Channels(ActivationMap map)
    {
        var enlargement = (int)Math.Max(1, DigitTraining.Width / map.Maps.Shape[3]);
        var pictures = ActivationMaps
            .Pictures(map.Maps, most: MostChannels)
            .Select(picture => picture.Enlarge(enlargement))
            .ToList();
        byte[] pixels = [.. pictures.SelectMany(picture => picture.Pixels)];
        return new(
            ImageGrid.Tile(pixels, pictures[0].Height, pictures[0].Width, columns: ChannelColumns, background: 255),
            $"{map.Module[(map.Module.LastIndexOf('.') + 1)..]} · {map.Maps.Shape[1]} channels of {map.Maps.Shape[2]} × {map.Maps.Shape[3]}",
            $"The first channels behind {map.Module}, a {map.Type}"
        );
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

    private static IEnumerable<ReportSection> Attacks(Module<Tensor, Tensor> model, LabeledImages images)
    {
        var some = images.Slice(0, Math.Min(MostAttacked, images.Count));
        var batch = Batch(some, [.. Enumerable.Range(0, some.Count)]);
        var (accuracies, losses) = (new List<(double, double)>(), new List<(double, double)>());
        List<CaptionedPicture> pictures = [];
        foreach (var size in s_sizes)
        {
            using var frame = Lifetime.Frame();
            var changed = AdversarialExamples.Fgsm(model, batch.Images, batch.Labels, size / 255.0);
            var attacked = some with { Images = ImageGrid.ToBytes(changed.ToArray<float>()) };
            var predictions = DigitPredictions.Of(model, attacked);
            accuracies.Add((size, predictions.Accuracy));
            losses.Add((size, predictions.Loss));
            if (size == ShownSize)
                pictures = Fooled(attacked, predictions);
        }
        yield return new(
            "Adversarial examples",
            $"{Numbers.General(some.Count)} test images, with every pixel changed by up to ε of 255 grey levels in the direction that raises the loss (FGSM).",
            [
                new LineChart("Accuracy", "ε", [new("FGSM", accuracies)], IsShare: true),
                new LineChart("Loss", "ε", [new("FGSM", losses)]),
            ]
        );
        if (pictures.Count > 0)
            yield return new(
                "Images that fool the network",
                $"The first of them at ε = {ShownSize}. Below each: its label → what it was taken for.",
                [new PictureSheet(pictures, 72)]
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
