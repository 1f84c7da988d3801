namespace CudaNet.Reporting;

/// <summary>A table of texts.</summary>
/// <param name="Header">The columns' names; none for a table of two columns, name and value.</param>
/// <param name="Rows">Rows of as many cells as there are columns.</param>
public sealed record ReportTable(IReadOnlyList<string> Header, IReadOnlyList<IReadOnlyList<string>> Rows)
    : IReportElement
{
    /// <summary>A table of names and values.</summary>
    public static ReportTable OfPairs(IEnumerable<(string Name, string Value)> pairs) =>
        new([], [.. pairs.Select(IReadOnlyList<string> (pair) => [pair.Name, pair.Value])]);

    /// <inheritdoc/>
    public void Write(HtmlWriter html)
    {
        html.Open("div", ("class", "scroll")).Open("table", ("class", Header.Count == 0 ? "pairs" : "rows"));
        if (Header.Count > 0)
        {
            html.Open("thead").Open("tr");
            foreach (var name in Header)
                html.Element("th", name, ("scope", "col"));
            html.Close().Close();
        }
        html.Open("tbody");
        foreach (var row in Rows)
        {
            html.Open("tr");
            for (var i = 0; i < row.Count; i++)
                if (i == 0)
                    html.Element("th", row[i], ("scope", "row"));
                else
                    html.Element("td", row[i]);
            html.Close();
        }
        html.Close().Close().Close();
    }
}
