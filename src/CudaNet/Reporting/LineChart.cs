namespace CudaNet.Reporting;

/// <summary>One line of a chart.</summary>
/// <param name="Name">What the legend calls it.</param>
/// <param name="Points">From left to right; where y is not finite, the line is interrupted.</param>
public sealed record ChartLine(string Name, IReadOnlyList<(double X, double Y)> Points);

/// <summary>
/// Curves over a count such as epochs, as SVG with axes, a legend that names the last values, and all values of the place that is pointed at.
/// </summary>
/// <param name="Title">What is shown.</param>
/// <param name="XName">What is counted, such as "epoch".</param>
/// <param name="Lines">The curves.</param>
/// <param name="IsShare">Whether the values are shares of one, to be written as percent.</param>
public sealed record LineChart(string Title, string XName, IReadOnlyList<ChartLine> Lines, bool IsShare = false)
    : IReportElement
{
    /// <summary>How many colours the style sheet tells apart.</summary>
    private const int Colours = 8;

    // Beyond, a line keeps the lowest and the highest point of each stretch.
    private const int MostPoints = 600;
    private const int MostPointers = 150;

    private const double Width = 560;
    private const double Height = 280;
    private const double Left = 58;
    private const double Right = 14;
    private const double Top = 10;
    private const double Bottom = 40;

    /// <inheritdoc/>
    public void Write(HtmlWriter html)
    {
        html.Open("figure", ("class", "chart"));
        Caption(html);
        var points = Lines.SelectMany(line => line.Points).Where(point => double.IsFinite(point.Y)).ToList();
        if (points.Count == 0)
        {
            html.Element("p", "No number to show yet.", ("class", "note")).Close();
            return;
        }
        var x = ChartAxis.OfCounts(points.Min(point => point.X), points.Max(point => point.X));
        var y = ChartAxis.OfValues(points.Min(point => point.Y), points.Max(point => point.Y), IsShare);
        html.Open(
            "svg",
            ("viewBox", $"0 0 {Width} {Height}"),
            ("role", "img"),
            ("aria-label", $"{Title} by {XName}: {string.Join("; ", Lines.Select(Last))}")
        );
        Axes(html, x, y);
        for (var i = 0; i < Lines.Count; i++)
            Line(html, Lines[i], i, x, y);
        Pointers(html, x, y);
        html.Close().Close();
    }

    private static string Colour(int line) => $"var(--line-{line % Colours + 1})";

    private string Value(double y) => IsShare ? Numbers.Percent(y) : Numbers.General(y);

    private string Last(ChartLine line) =>
        line.Points.Count == 0 ? line.Name : $"{line.Name} {Value(line.Points[^1].Y)}";

    private void Caption(HtmlWriter html)
    {
        html.Open("figcaption").Element("strong", Title).Open("span", ("class", "legend"));
        for (var i = 0; i < Lines.Count; i++)
        {
            html.Open("span").Element("i", "", ("style", $"background:{Colour(i)}")).Text(Lines[i].Name);
            if (Lines[i].Points is [.., var last])
                html.Element("b", Value(last.Y));
            html.Close();
        }
        html.Close().Close();
    }

    private static double X(ChartAxis axis, double value) => Left + axis.Place(value) * (Width - Left - Right);

    private static double Y(ChartAxis axis, double value) =>
        Height - Bottom - axis.Place(value) * (Height - Top - Bottom);

    private void Axes(HtmlWriter html, ChartAxis x, ChartAxis y)
    {
        foreach (var tick in y.Ticks)
        {
            var height = HtmlWriter.Number(Y(y, tick));
            html.Empty(
                "line",
                ("class", "grid"),
                ("x1", $"{Left}"),
                ("x2", $"{Width - Right}"),
                ("y1", height),
                ("y2", height)
            );
            html.Element("text", y.Label(tick), ("class", "tick y"), ("x", $"{Left - 8}"), ("y", height));
        }
        var floor = HtmlWriter.Number(Height - Bottom);
        html.Empty(
            "line",
            ("class", "axis"),
            ("x1", $"{Left}"),
            ("x2", $"{Width - Right}"),
            ("y1", floor),
            ("y2", floor)
        );
        foreach (var tick in x.Ticks)
        {
            var place = HtmlWriter.Number(X(x, tick));
            html.Empty(
                "line",
                ("class", "axis"),
                ("x1", place),
                ("x2", place),
                ("y1", floor),
                ("y2", $"{Height - Bottom + 4}")
            );
            html.Element("text", x.Label(tick), ("class", "tick x"), ("x", place), ("y", $"{Height - Bottom + 17}"));
        }
        html.Element(
            "text",
            XName,
            ("class", "tick x"),
            ("x", HtmlWriter.Number((Left + Width - Right) / 2)),
            ("y", $"{Height - 5}")
        );
    }

    private static void Line(HtmlWriter html, ChartLine line, int index, ChartAxis x, ChartAxis y)
    {
        foreach (var part in Unbroken(line.Points))
        {
            var places = Thinned(part)
                .Select(point => (X: HtmlWriter.Number(X(x, point.X)), Y: HtmlWriter.Number(Y(y, point.Y))));
            if (part.Count == 1)
            {
                var (cx, cy) = places.First();
                html.Empty("circle", ("cx", cx), ("cy", cy), ("r", "4"), ("style", $"fill:{Colour(index)}"));
                continue;
            }
            html.Empty(
                "polyline",
                ("points", string.Join(' ', places.Select(place => $"{place.X},{place.Y}"))),
                ("style", $"stroke:{Colour(index)}")
            );
        }
    }

    /// <summary>The stretches between values that are not finite.</summary>
    private static List<List<(double X, double Y)>> Unbroken(IReadOnlyList<(double X, double Y)> points)
    {
        var parts = new List<List<(double X, double Y)>>();
        var goesOn = false;
        foreach (var point in points)
        {
            var isFinite = double.IsFinite(point.Y);
            if (isFinite && !goesOn)
                parts.Add([]);
            if (isFinite)
                parts[^1].Add(point);
            goesOn = isFinite;
        }
        return parts;
    }

    private static IEnumerable<(double X, double Y)> Thinned(List<(double X, double Y)> points)
    {
        if (points.Count <= MostPoints)
            return points;
        var stretch = (points.Count * 2 + MostPoints - 1) / MostPoints;
        return points
            .Chunk(stretch)
            .SelectMany(chunk =>
                new[] { chunk.MinBy(point => point.Y), chunk.MaxBy(point => point.Y) }.OrderBy(point => point.X)
            );
    }

    /// <summary>A strip over each place of the x axis that shows a rule, dots and the values when it is pointed at.</summary>
    private void Pointers(HtmlWriter html, ChartAxis x, ChartAxis y)
    {
        var counts = Lines.SelectMany(line => line.Points.Select(point => point.X)).Distinct().Order().ToList();
        if (counts.Count > MostPointers)
            return;
        var places = counts.Select(count => X(x, count)).ToList();
        for (var i = 0; i < counts.Count; i++)
        {
            var from = i == 0 ? Left - 6 : (places[i - 1] + places[i]) / 2;
            var to = i == counts.Count - 1 ? Width : (places[i] + places[i + 1]) / 2;
            var at = HtmlWriter.Number(places[i]);
            html.Open("g", ("class", "at"));
            html.Empty(
                "rect",
                ("x", HtmlWriter.Number(from)),
                ("width", HtmlWriter.Number(to - from)),
                ("y", $"{Top}"),
                ("height", $"{Height - Top - Bottom}")
            );
            html.Empty("line", ("x1", at), ("x2", at), ("y1", $"{Top}"), ("y2", $"{Height - Bottom}"));
            var values = new List<string> { $"{XName} {Numbers.General(counts[i])}" };
            for (var line = 0; line < Lines.Count; line++)
                foreach (var point in Lines[line].Points.Where(point => point.X == counts[i]))
                {
                    values.Add($"{Lines[line].Name}: {Value(point.Y)}");
                    if (double.IsFinite(point.Y))
                        html.Empty(
                            "circle",
                            ("cx", at),
                            ("cy", HtmlWriter.Number(Y(y, point.Y))),
                            ("r", "4"),
                            ("style", $"fill:{Colour(line)}")
                        );
                }
            html.Element("title", string.Join('\n', values)).Close();
        }
    }
}
