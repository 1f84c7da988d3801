namespace CudaNet.Reporting;

/// <summary>A number at the head of a page.</summary>
/// <param name="Name">What it is.</param>
/// <param name="Value">The number with its unit.</param>
public sealed record ReportNumber(string Name, string Value);

/// <summary>
/// A page that is one file: pictures, charts and style are part of it, and its policy forbids browsers to fetch or run anything else.
/// </summary>
/// <param name="Title">The main heading.</param>
/// <param name="Subtitle">A line below it.</param>
/// <param name="Numbers">The numbers by which it is judged, the foremost first.</param>
/// <param name="Sections">What follows.</param>
public sealed record ReportPage(
    string Title,
    string Subtitle,
    IReadOnlyList<ReportNumber> Numbers,
    IReadOnlyList<ReportSection> Sections
)
{
    private const string Policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'";

    /// <summary>The page as an HTML document.</summary>
    public string ToHtml()
    {
        var html = new HtmlWriter();
        html.Open("html", ("lang", "en")).Open("head");
        html.Empty("meta", ("charset", "utf-8"));
        html.Empty("meta", ("http-equiv", "Content-Security-Policy"), ("content", Policy));
        html.Empty("meta", ("name", "viewport"), ("content", "width=device-width, initial-scale=1"));
        html.Empty("meta", ("name", "color-scheme"), ("content", "light dark"));
        html.Element("title", Title).Style(ReportStyle.Css).Close();
        html.Open("body").Open("main");
        html.Open("header").Element("h1", Title).Element("p", Subtitle, ("class", "lead")).Close();
        if (Numbers.Count > 0)
        {
            html.Open("div", ("class", "numbers"));
            foreach (var (name, value) in Numbers)
                html.Open("div").Element("span", name).Element("strong", value).Close();
            html.Close();
        }
        foreach (var section in Sections)
        {
            html.Open("section").Element("h2", section.Title);
            if (section.Lead is not null)
                html.Element("p", section.Lead, ("class", "lead"));
            html.Open("div", ("class", section.Elements.All(element => element is LineChart) ? "charts" : "body"));
            foreach (var element in section.Elements)
                element.Write(html);
            html.Close().Close();
        }
        html.Close().Close().Close();
        return "<!DOCTYPE html>\n" + html + "\n";
    }
}
