using CudaNet.Distributions;
using CudaNet.Nn;
using CudaNet.Reporting;

namespace CudaNet.Models;

/// <summary>What a regression model has learned: its curves over the data, next to the process's own.</summary>
internal static class RegressionReport
{
    private const int CurvePoints = 121;
    private const int MostDots = 400;

    public static IReadOnlyList<ReportSection> Sections(
        Module<Tensor, Tensor> model,
        RegressionProblem problem,
        (Tensor Inputs, Tensor Targets) test
    )
    {
        using var frame = Lifetime.Frame();
        using var noGrad = Autograd.NoGrad();
        var x = Tensor.Linspace(RegressionProblem.Low, RegressionProblem.High, CurvePoints);
        var learned = problem.Family.Distribution(model.Call(x.Unsqueeze(1)));
        var truth = problem.Truth(x);
        return
        [
            learned is Categorical classes
                ? Classes(x, classes, (Categorical)truth)
                : Curves(x, learned, truth, test, problem.Family.Name),
            Drawn(model, problem, test),
        ];
    }

    private static ReportSection Curves(
        Tensor x,
        Distribution learned,
        Distribution truth,
        (Tensor Inputs, Tensor Targets) test,
        string kind
    )
    {
        var lines = new List<ChartLine>
        {
            new("data", Dots(test.Inputs, test.Targets)),
            new("learned mean", Line(x, learned.Mean)),
            new("true mean", Line(x, truth.Mean)),
        };
        // The variance of an angle is no width on its axis.
        if (learned is not VonMises)
        {
            var deviation = learned.Variance.Sqrt();
            lines.Add(new("learned mean + deviation", Line(x, learned.Mean + deviation)));
            lines.Add(new("learned mean − deviation", Line(x, learned.Mean - deviation)));
        }
        return new(
            "Curves",
            "What the model expects at each input, and the process that drew the data.",
            [new LineChart($"Targets of {kind} regression", "x", lines)]
        );
    }

    private static ReportSection Classes(Tensor x, Categorical learned, Categorical truth)
    {
        var lines = new List<ChartLine>();
        for (var c = 0; c < learned.Logits.Shape[-1]; c++)
        {
            lines.Add(new($"class {c}", Line(x, learned.Probabilities.Select(1, c))));
            lines.Add(new($"class {c}, true", Line(x, truth.Probabilities.Select(1, c))));
        }
        return new(
            "Curves",
            "How probable the model thinks each class at each input, and how probable it is.",
            [new LineChart("Probabilities of the classes", "x", lines, IsShare: true)]
        );
    }

    /// <summary>Targets drawn from the model at the test inputs: they should look like the data.</summary>
    private static ReportSection Drawn(
        Module<Tensor, Tensor> model,
        RegressionProblem problem,
        (Tensor Inputs, Tensor Targets) test
    )
    {
        var drawn = problem.Family.Distribution(model.Call(test.Inputs)).Sample(generator: new Generator(0));
        return new(
            "Drawn from the model",
            "Targets that the model would give the test inputs. They should look like the data.",
            [
                new LineChart("Data", "x", [new("data", Dots(test.Inputs, test.Targets))]),
                new LineChart("Drawn", "x", [new("drawn", Dots(test.Inputs, drawn))]),
            ]
        );
    }

    private static List<(double X, double Y)> Line(Tensor x, Tensor y) => [.. x.ToDoubles().Zip(y.ToDoubles())];

    /// <summary>Single points: a chart draws a dot where a line has no neighbour, so that there is a gap behind each.</summary>
    private static List<(double X, double Y)> Dots(Tensor x, Tensor y) =>
        [
            .. x.ToDoubles()
                .Zip(y.ToDoubles())
                .Take(MostDots / 2)
                .OrderBy(point => point.First)
                .SelectMany(point => new[] { (point.First, double.NaN), (point.First, point.Second) }),
        ];
}
