using System.Globalization;
using CudaNet.Data;
using CudaNet.Nn;
using CudaNet.Optim;
using CudaNet.Random;
using CudaNet.Reporting;
using CudaNet.Training;

namespace CudaNet.Models;

/// <summary>How the widths are swept.</summary>
internal sealed record DoubleDescentSettings(
    IReadOnlyList<int> Widths,
    int Samples,
    double Noise,
    int Epochs,
    int BatchSize,
    double LearningRate,
    long Seed
);

/// <summary>A network 784-width-10 for each width, all trained on the same noisy labels.</summary>
internal sealed class DoubleDescentTraining(DoubleDescentSettings settings, Lazy<TrainTestImages> data, string source)
    : TrainingSeries<int>(settings.Widths)
{
    private readonly Lazy<LabeledImages> _train = new(() => WithNoise(data.Value.Train, settings));

    public override string Description =>
        $"{Members.Count} networks of {Members[0]} to {Members[^1]} hidden units on {_train.Value.Count.ToString("N0", CultureInfo.InvariantCulture)} {source}, {Numbers.Percent(settings.Noise, 0)} of the labels wrong";

    /// <summary>Of the widest network.</summary>
    public override long ParameterCount => Build(Members[^1]).ParameterCount;

    protected override int Steps => Batches(Members[0]).Count * settings.Epochs;

    protected override IBatches<ImageBatch> Batches(int member) =>
        new ImageBatches(_train.Value, settings.BatchSize, seed: (ulong)settings.Seed);

    protected override Module<Tensor, Tensor> Build(int member)
    {
        var random = new Generator(settings.Seed);
        return new Sequential(
            new Linear(DigitTraining.Pixels, member, generator: random),
            new Relu(),
            new Linear(member, DigitTraining.Classes, generator: random)
        );
    }

    protected override Optimizer Optimize(Module<Tensor, Tensor> model) =>
        new Adam(model.Parameters(), learningRate: settings.LearningRate);

    protected override IReadOnlyList<(string Name, double Value)> Judge(int member)
    {
        var (train, test) = (DigitPredictions.Of(Model, _train.Value), DigitPredictions.Of(Model, data.Value.Test));
        return
        [
            ("width", member),
            ("fitted_accuracy", train.Accuracy),
            ("test_loss", test.Loss),
            ("test_accuracy", test.Accuracy),
        ];
    }

    protected override Dictionary<string, double> Summarize()
    {
        var errors = Outcomes("test_accuracy").Select(outcome => (outcome.Member, Error: 1 - outcome.Value)).ToList();
        var fitted = Outcomes("fitted_accuracy");
        var (widest, best) = (errors[^1], errors.MinBy(one => one.Error));
        // The peak: how far the error has risen above what a narrower network had reached already.
        var peak = errors
            .Select((one, i) => (one.Member, one.Error, Rise: one.Error - errors.Take(i + 1).Min(other => other.Error)))
            .MaxBy(one => one.Rise);
        return new()
        {
            ["peak_width"] = peak.Member,
            ["peak_test_error_points"] = 100 * peak.Error,
            ["rise_points"] = 100 * peak.Rise,
            ["second_descent_points"] =
                100 * (peak.Error - errors.Where(one => one.Member >= peak.Member).Min(one => one.Error)),
            ["best_width"] = best.Member,
            ["best_test_accuracy"] = 1 - best.Error,
            ["widest_test_accuracy"] = 1 - widest.Error,
            // Nobody may have come so far; the widest then stands for them.
            ["first_width_that_fits"] = fitted.FirstOrDefault(one => one.Value >= 0.999, fitted[^1]).Member,
        };
    }

    public override IReadOnlyList<ReportSection> ReportSections() =>
        [
            new(
                "Error by width",
                $"Classification error after {settings.Epochs} epochs, on the noisy training labels and on the test set. Each \"epoch\" above is one whole training.",
                [
                    new LineChart(
                        "Error",
                        "log₂ of the hidden units",
                        [Errors("training", "fitted_accuracy"), Errors("test", "test_accuracy")],
                        IsShare: true
                    ),
                    new LineChart(
                        "Test loss",
                        "log₂ of the hidden units",
                        [new("test", [.. Outcomes("test_loss").Select(one => (Math.Log2(one.Member), one.Value))])]
                    ),
                ]
            ),
        ];

    private ChartLine Errors(string name, string accuracy) =>
        new(name, [.. Outcomes(accuracy).Select(one => (Math.Log2(one.Member), 1 - one.Value))]);

    /// <summary>The first images, some of them with another label.</summary>
    private static LabeledImages WithNoise(LabeledImages images, DoubleDescentSettings settings)
    {
        images = images.Slice(0, Math.Min(settings.Samples, images.Count));
        var random = new PhiloxStream((ulong)settings.Seed, 0);
        byte[] labels = [.. images.Labels];
        for (var i = 0; i < labels.Length; i++)
            if (random.NextDouble() < settings.Noise)
                labels[i] = (byte)((labels[i] + 1 + random.NextInt(DigitTraining.Classes - 1)) % DigitTraining.Classes);
        return images with { Labels = labels };
    }
}
