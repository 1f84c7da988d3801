using System.Globalization;
using System.Text.Json.Nodes;
using CudaNet.Data;
using CudaNet.Nn;
using CudaNet.Random;
using CudaNet.Reporting;
using CudaNet.Training;

namespace CudaNet.Models;

/// <summary>A network that classifies pixels, with its data.</summary>
/// <param name="model">(N, 1, H, W) in [−1, 1] → (N, classes, H, W) logits.</param>
/// <param name="random">What the network draws from while it trains.</param>
/// <param name="data">The images.</param>
/// <param name="settings">How to train.</param>
/// <param name="name">What is trained.</param>
internal sealed class SegmentationTraining(
    Module<Tensor, Tensor> model,
    Generator random,
    Lazy<(SegmentedImages Train, SegmentedImages Test)> data,
    SupervisedSettings settings,
    string name
) : IPreparedRecipe, IReportSections, ISampler
{
    private const int DefaultCount = 12;
    private const int MostPictures = 12;

    // Of the network as it now stands.
    private SegmentationPredictions? _tested;

    public string Description =>
        $"{name} on {data.Value.Train.Count.ToString("N0", CultureInfo.InvariantCulture)} drawn images of shapes";

    public long ParameterCount => model.ParameterCount;

    private SegmentationPredictions Tested =>
        _tested ??= SegmentationPredictions.Of(model, data.Value.Test, DrawnShapes.Classes.Count);

    public void Restore(RunFolder folder)
    {
        new ModuleState(model).LoadState(Checkpoint.Load(folder.CheckpointPath).Section(SupervisedTraining.ModelPart));
        _tested = null;
    }

    public IReadOnlyDictionary<string, double>? Run(RecipeRun run)
    {
        var trainer = SupervisedTraining.Run(
            run,
            model,
            random,
            SegmentationPredictions.Batches(data.Value.Train, settings.BatchSize, seed: (ulong)settings.Seed),
            SegmentationPredictions.Split,
            settings,
            () =>
            {
                _tested = null;
                return
                [
                    ("test_loss", Tested.Loss),
                    ("test_accuracy", Tested.PixelAccuracy),
                    ("test_iou", Tested.MeanIoU),
                ];
            }
        );
        return trainer is null
            ? null
            : SupervisedTraining.Results(
                trainer,
                settings.Epochs,
                [
                    ("test_accuracy", Tested.PixelAccuracy),
                    ("test_iou", Tested.MeanIoU),
                    .. DrawnShapes.Classes.Select((label, i) => ($"test_{label}_iou", Tested.IntersectionOverUnion(i))),
                    ("test_loss", Tested.Loss),
                ]
            );
    }

    public IReadOnlyList<ReportSection> ReportSections()
    {
        var errors = Enumerable.Range(0, Tested.Images.Count).OrderByDescending(Wrong).ToList();
        return
        [
            new(
                "Segmentation",
                "Test images in their order: the image, the shapes that are in it (discs blue, rectangles orange, triangles red), and those that the network sees.",
                [Sheet(Enumerable.Range(0, Math.Min(MostPictures, Tested.Images.Count)))]
            ),
            new("Most mistaken", "Those with the most wrong pixels.", [Sheet(errors.Take(MostPictures))]),
            new(
                "Confusion matrix",
                $"Pixels of the test images. {Numbers.Percent(Tested.PixelAccuracy)} are recognised; intersection over union is {Numbers.Percent(Tested.MeanIoU)} in the mean.",
                [
                    new ConfusionTable(DrawnShapes.Classes, Tested.Confusion),
                    ReportTable.OfPairs(
                        DrawnShapes.Classes.Select(
                            (label, i) => ($"IoU of {label}", Numbers.Percent(Tested.IntersectionOverUnion(i)))
                        )
                    ),
                ]
            ),
        ];
    }

    public IEnumerable<Sample> Sample(SampleRequest request)
    {
        if (request.Input is { } path)
            throw new RecipeOptionException($"--in {path}: {name} reads no files; leave --in out for test images");
        var count = Math.Min(request.Count ?? DefaultCount, Tested.Images.Count);
        var random = new PhiloxStream(request.Seed, 0);
        var first = random.NextInt(Tested.Images.Count - count + 1);
        for (var image = first; image < first + count; image++)
        {
            var share = 1 - (double)Wrong(image) / (Tested.Images.Height * Tested.Images.Width);
            yield return new Sample(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"test image {image, -5} {Numbers.Percent(share), 8} of its pixels recognised"
                ),
                SegmentationPictures.Triptych(Tested, image),
                new JsonObject { ["image"] = image, ["accuracy"] = Math.Round(share, 6) }
            );
        }
    }

    private PictureSheet Sheet(IEnumerable<int> images) =>
        new(
            [
                .. images.Select(image => new CaptionedPicture(
                    SegmentationPictures.Triptych(Tested, image),
                    $"{image} · {Wrong(image)} wrong",
                    $"Test image {image}: {Wrong(image)} of its pixels are classified wrongly"
                )),
            ],
            Width: 296
        );

    /// <summary>How many pixels of a test image are classified wrongly.</summary>
    private int Wrong(int image)
    {
        var size = Tested.Images.Height * Tested.Images.Width;
        var labels = Tested.Images.Masks.AsSpan(image * size, size);
        var found = Tested.Masks.AsSpan(image * size, size);
        var wrong = 0;
        for (var i = 0; i < size; i++)
            if (labels[i] != found[i])
                wrong++;
        return wrong;
    }
}
