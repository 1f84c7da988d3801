using System.Globalization;
using System.Xml.Linq;
using CudaNet.Reporting;

namespace CudaNet.Tests.Reporting;

[TestFixture]
public sealed class ChartTests
{
    [Test]
    public void Lines_go_through_their_points_and_ticks_are_round()
    {
        var figure = Figure(new LineChart("Loss", "epoch", [new("train", [(1, 0.6), (2, 0.3), (3, 0)])]));
        var points = Points(figure.Descendants("polyline").Single());
        Assert.That(points, Has.Count.EqualTo(3));
        Assert.That(points[1].X - points[0].X, Is.EqualTo(points[2].X - points[1].X).Within(0.02));
        Assert.That(points[1].Y - points[0].Y, Is.EqualTo(points[2].Y - points[1].Y).Within(0.02));
        Assert.That(points[2].Y, Is.GreaterThan(points[0].Y), "SVG counts downwards");
        Assert.That(Ticks(figure, "tick y"), Is.EqualTo(new[] { "0.0", "0.2", "0.4", "0.6" }));
        Assert.That(Ticks(figure, "tick x"), Is.EqualTo(new[] { "1", "2", "3", "epoch" }));
    }

    [Test]
    public void The_legend_names_lines_and_their_last_values()
    {
        var figure = Figure(
            new LineChart(
                "Accuracy",
                "epoch",
                [new("train", [(1, 0.5), (2, 0.75)]), new("test", [(1, 0.5), (2, 0.7)])],
                true
            )
        );
        var legend = figure.Descendants("span").First(span => (string?)span.Attribute("class") == "legend");
        Assert.That(legend.Value, Is.EqualTo("train75.00 %test70.00 %"));
        var colours = figure.Descendants("polyline").Select(line => (string)line.Attribute("style")!).ToList();
        Assert.That(colours.Distinct().Count(), Is.EqualTo(2));
        Assert.That(Ticks(figure, "tick y"), Does.Contain("50 %"));
        var pointed = figure.Descendants("title").Select(title => title.Value).ToList();
        Assert.That(pointed, Does.Contain("epoch 2\ntrain: 75.00 %\ntest: 70.00 %"));
    }

    [Test]
    public void What_is_not_finite_interrupts_a_line()
    {
        var figure = Figure(
            new LineChart(
                "Loss",
                "epoch",
                [new("train", [(1, 1), (2, 2), (3, double.NaN), (4, 2), (5, double.PositiveInfinity), (6, 1), (7, 1)])]
            )
        );
        var lines = figure.Descendants("polyline").Select(line => Points(line).Count);
        Assert.That(lines, Is.EqualTo(new[] { 2, 2 }));
        Assert.That(
            figure.Descendants("circle").Count(circle => circle.Parent!.Name == "svg"),
            Is.EqualTo(1),
            "a lone point is a dot"
        );
        Assert.That(figure.ToString(), Does.Not.Contain("NaN").Or.Contain("train: NaN"));
        Assert.That(figure.Descendants("polyline").All(line => !((string)line.Attribute("points")!).Contains('N')));
    }

    [Test]
    public void One_epoch_and_no_epoch_are_shown_too()
    {
        var one = Figure(new LineChart("Loss", "epoch", [new("train", [(1, 0.25)])]));
        Assert.That(Ticks(one, "tick x"), Is.EqualTo(new[] { "1", "epoch" }));
        var none = Figure(new LineChart("Loss", "epoch", [new("train", [])]));
        Assert.That(none.Value, Does.Contain("No number to show yet"));
    }

    [Test]
    public void A_wide_range_gets_a_logarithmic_axis()
    {
        var figure = Figure(new LineChart("Loss", "epoch", [new("train", [(1, 100), (2, 1), (3, 0.01)])]));
        var points = Points(figure.Descendants("polyline").Single());
        Assert.That(points[1].Y - points[0].Y, Is.EqualTo(points[2].Y - points[1].Y).Within(0.05));
        Assert.That(Ticks(figure, "tick y"), Does.Contain("0.01").And.Contain("100"));
    }

    [Test]
    public void A_long_line_keeps_its_peaks()
    {
        var values = Enumerable.Range(1, 100_000).Select(i => ((double)i, i == 77_777 ? 9 : Math.Sin(i) / 10)).ToList();
        var figure = Figure(new LineChart("Loss", "step", [new("train", values)]));
        var points = Points(figure.Descendants("polyline").Single());
        Assert.That(points, Has.Count.LessThan(1000));
        Assert.That(points.Select(point => point.X), Is.Ordered);
        var top = Points(
            Figure(new LineChart("Loss", "step", [new("t", [(1, 9), (100_000, -0.1)])]))
                .Descendants("polyline")
                .Single()
        );
        Assert.That(points.Min(point => point.Y), Is.EqualTo(top[0].Y).Within(0.05));
    }

    [TestCase(0, 1, "0.0 0.2 0.4 0.6 0.8 1.0")]
    [TestCase(0.0123, 0.0127, "0.0123 0.0124 0.0125 0.0126 0.0127")]
    [TestCase(-3, 4, "-4 -2 0 2 4")]
    [TestCase(0, 12000, "0 5,000 10,000 15,000")]
    [TestCase(5, 5, "4.4 4.6 4.8 5.0 5.2 5.4 5.6")]
    [TestCase(0, 0, "0.0 0.2 0.4 0.6 0.8 1.0")]
    public void Ticks_of_values(double low, double high, string expected)
    {
        var axis = ChartAxis.OfValues(low, high, isShare: false);
        Assert.That(string.Join(' ', axis.Ticks.Select(axis.Label)), Is.EqualTo(expected));
        Assert.That(axis.Place(low), Is.InRange(-1e-9, 1));
        Assert.That(axis.Place(high), Is.InRange(0, 1 + 1e-9));
    }

    [TestCase(1, 1_000_000)]
    [TestCase(1e-300, 1e300)]
    [TestCase(0.3, 20)]
    public void Logarithmic_ticks_enclose_the_values(double low, double high)
    {
        var axis = ChartAxis.OfValues(low, high, isShare: false);
        Assert.That(axis.Ticks, Has.Count.InRange(2, 14));
        Assert.That(axis.Place(low), Is.InRange(-1e-9, 1));
        Assert.That(axis.Place(high), Is.InRange(0, 1 + 1e-9));
    }

    [Test]
    public void Shares_end_at_one_hundred_percent()
    {
        var axis = ChartAxis.OfValues(0.42, 0.999, isShare: true);
        Assert.That(axis.Label(axis.Ticks[^1]), Is.EqualTo("100 %"));
        Assert.That(axis.Place(1), Is.EqualTo(1).Within(1e-9));
    }

    private static XElement Figure(LineChart chart)
    {
        var html = new HtmlWriter();
        chart.Write(html);
        return XElement.Parse(html.ToString());
    }

    private static List<string> Ticks(XElement figure, string kind) =>
        [
            .. figure
                .Descendants("text")
                .Where(text => (string?)text.Attribute("class") == kind)
                .Select(text => text.Value),
        ];

    private static List<(double X, double Y)> Points(XElement line) =>
        [
            .. ((string)line.Attribute("points")!)
                .Split(' ')
                .Select(point =>
                    point.Split(',').Select(number => double.Parse(number, CultureInfo.InvariantCulture)).ToArray()
                )
                .Select(point => (point[0], point[1])),
        ];
}
