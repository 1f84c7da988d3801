using System.Globalization;
using System.Text.Json.Nodes;
using CudaNet.Data;
using CudaNet.IO;
using CudaNet.Nn;
using CudaNet.Random;
using CudaNet.Reporting;

namespace CudaNet.Models;

/// <summary>A digit classifier's judgement of test images, or of images from a file.</summary>
internal static class DigitSamples
{
    private const int DefaultCount = 16;
    private const int Enlargement = 4;
    private const int FrameThickness = 6;

    /// <summary>The images of a file, or the first of them.</summary>
    public static IEnumerable<Sample> OfFile(Module<Tensor, Tensor> model, string path, int? count)
    {
        var images = DigitFiles.Read(path);
        images = images.Slice(0, Math.Min(count ?? images.Count, images.Count));
        return Judge(model, images, hasLabels: false, [.. Enumerable.Range(0, images.Count)]);
    }

    /// <summary>Test images drawn at random.</summary>
    public static IEnumerable<Sample> OfTests(Module<Tensor, Tensor> model, LabeledImages tests, int? count, ulong seed)
    {
        var chosen = Choose(tests.Count, count ?? Math.Min(DefaultCount, tests.Count), seed);
        return Judge(model, tests.Select(chosen), hasLabels: true, chosen);
    }

    private static IEnumerable<Sample> Judge(
        Module<Tensor, Tensor> model,
        LabeledImages images,
        bool hasLabels,
        List<int> numbers
    )
    {
        var predictions = DigitPredictions.Of(model, images);
        for (var i = 0; i < images.Count; i++)
        {
            var best = predictions.Best(i);
            var probability = predictions.Probability(i, best);
            int? label = hasLabels ? images.Labels[i] : null;
            var verdict =
                label is null ? ""
                : label == best ? "  right"
                : $"  wrong: it is {label}";
            var text = string.Create(
                CultureInfo.InvariantCulture,
                $"{(hasLabels ? "test image" : "image")} {numbers[i], -5} {best}  {Numbers.Percent(probability), 8}{verdict}"
            );
            yield return new Sample(
                text,
                Framed(images.Picture(i), label, best),
                Values(numbers[i], label, best, predictions, i)
            );
        }
    }

    /// <summary>Framed green when right, red when wrong, and grey when nobody knows.</summary>
    private static Picture Framed(Picture picture, int? label, int best)
    {
        var large = picture.Enlarge(Enlargement);
        return label is null ? large.Frame(FrameThickness, 120, 125, 135)
            : label == best ? large.Frame(FrameThickness, 34, 160, 90)
            : large.Frame(FrameThickness, 214, 57, 57);
    }

    private static JsonObject Values(int number, int? label, int best, DigitPredictions predictions, int image) =>
        new()
        {
            ["image"] = number,
            ["label"] = label,
            ["predicted"] = best,
            ["probabilities"] = new JsonArray([
                .. Enumerable
                    .Range(0, DigitTraining.Classes)
                    .Select(digit => (JsonNode)Math.Round(predictions.Probability(image, digit), 6)),
            ]),
        };

    /// <summary>Different places, in rising order.</summary>
    private static List<int> Choose(int all, int count, ulong seed)
    {
        if (count > all)
            throw new RecipeOptionException($"--count {count}: there are {all} test images");
        var random = new PhiloxStream(seed, 0);
        var places = Enumerable.Range(0, all).ToArray();
        for (var i = 0; i < count; i++)
        {
            var other = i + random.NextInt(all - i);
            (places[i], places[other]) = (places[other], places[i]);
        }
        return [.. places[..count].Order()];
    }
}
