using System.Globalization;

namespace CudaNet.Reporting;

/// <summary>
/// How often each class was taken for each. The diagonal is tinted by the share of its class that was recognised, the rest, in
/// another colour, by its part of the most frequent mistake: on one common scale the mistakes of a good classifier would not show.
/// </summary>
/// <param name="Classes">The classes' names.</param>
/// <param name="Counts">[true class, predicted class].</param>
public sealed record ConfusionTable(IReadOnlyList<string> Classes, long[,] Counts) : IReportElement
{
    // Full colour would hide the numbers, and so would none hide that there is something.
    private const double FaintestTint = 8;
    private const double StrongestTint = 85;
    private const double LightTextFrom = 55;

    /// <inheritdoc/>
    public void Write(HtmlWriter html)
    {
        var mistakes = Math.Max(1, WorstMistake());
        html.Open("div", ("class", "scroll")).Open("table", ("class", "confusion"));
        html.Element(
            "caption",
            "Rows: the true class. Columns: what it was taken for. Last column: the share recognised."
        );
        html.Open("thead").Open("tr").Element("td", "");
        foreach (var name in Classes)
            html.Element("th", name, ("scope", "col"));
        html.Element("th", "recall", ("scope", "col")).Close().Close();
        html.Open("tbody");
        for (var row = 0; row < Classes.Count; row++)
        {
            var total = RowTotal(row);
            html.Open("tr").Element("th", Classes[row], ("scope", "row"));
            for (var column = 0; column < Classes.Count; column++)
                Cell(html, row, column, row == column ? Math.Max(1, total) : mistakes);
            html.Element(
                "td",
                total == 0 ? "–" : Numbers.Percent((double)Counts[row, row] / total, 1),
                ("class", "recall")
            );
            html.Close();
        }
        html.Close().Close().Close();
    }

    private void Cell(HtmlWriter html, int row, int column, long whole)
    {
        var count = Counts[row, column];
        if (count == 0)
        {
            html.Element("td", "0", ("class", "none"));
            return;
        }
        var tint = FaintestTint + (StrongestTint - FaintestTint) * count / whole;
        var kind = (row == column ? "right" : "wrong") + (tint >= LightTextFrom ? " strong" : "");
        html.Element(
            "td",
            count.ToString(CultureInfo.InvariantCulture),
            ("class", kind),
            ("style", $"--tint:{HtmlWriter.Number(tint)}%"),
            ("title", $"{count} × {Classes[row]} taken for {Classes[column]}")
        );
    }

    private long RowTotal(int row) => Enumerable.Range(0, Classes.Count).Sum(column => Counts[row, column]);

    private long WorstMistake()
    {
        long worst = 0;
        for (var row = 0; row < Classes.Count; row++)
        for (var column = 0; column < Classes.Count; column++)
            if (row != column)
                worst = Math.Max(worst, Counts[row, column]);
        return worst;
    }
}
