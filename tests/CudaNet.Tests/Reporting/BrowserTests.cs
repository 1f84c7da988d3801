using System.Text.RegularExpressions;
using CudaNet.IO;
using CudaNet.Tests.Cli;
using CudaNet.Tests.IO;

namespace CudaNet.Tests.Reporting;

/// <summary>What a browser makes of the page of a run.</summary>
[TestFixture, Category("Verify")]
public sealed class BrowserTests
{
    private readonly TemporaryFolder _folder = new();

    private string Page => Path.Combine(_folder.File("run"), "report.html");

    [OneTimeSetUp]
    public void Train() =>
        CliRun.Of("train", "linear", "--out", _folder.File("run"), "--limit", "500", "--epochs", "3").IsFine();

    [OneTimeTearDown]
    public void Remove() => _folder.Dispose();

    [Test]
    public void The_page_is_understood_and_asks_for_nothing()
    {
        var (dom, console) = Browser.Load(Page);
        Assert.That(console, Is.Empty);
        var headings = Regex.Matches(dom, "<h2>(.*?)</h2>").Select(match => match.Groups[1].Value);
        Assert.That(
            headings,
            Is.EqualTo(
                new[]
                {
                    "Curves",
                    "Confusion matrix",
                    "Misclassified digits",
                    "First layer",
                    "Configuration",
                    "Environment",
                }
            )
        );
        // What a parser had to mend would have moved.
        Assert.That(Regex.Matches(dom, "<svg "), Has.Count.EqualTo(2));
        Assert.That(Regex.Matches(dom, "<polyline "), Has.Count.EqualTo(4));
        Assert.That(Regex.Matches(dom, @"<td class=""right[^>]*>"), Has.Count.EqualTo(10));
        Assert.That(
            dom.TrimEnd(),
            Does.EndWith("</section></main></body></html>")
                .Or.EndWith("</section></main>\n\n</body></html>")
                .Or.EndWith("</section></main>\n</body></html>")
        );
    }

    [Test]
    public void A_page_that_does_ask_would_be_noticed()
    {
        var planted = _folder.File("planted.html");
        var page = File.ReadAllText(Page);
        File.WriteAllText(planted, page.Replace("<main>", "<main><img src=\"http://example.com/a.png\"/>"));
        Assert.That(Browser.Load(planted).Console, Has.Some.Contains("Content Security Policy"));
    }

    [TestCase(false, 246, 247, 249)]
    [TestCase(true, 16, 18, 23)]
    public void It_is_drawn_in_the_colours_of_the_day_or_the_night(bool isDark, int red, int green, int blue)
    {
        var picture = _folder.File($"{isDark}.png");
        Browser.Draw(Page, picture, 1000, 1600, isDark);
        var (pixels, width, height, channels) = PngReader.Read(picture);
        Assert.That((width, height), Is.EqualTo((1000, 1600)));
        Assert.That(pixels[..3].Select(value => (int)value), Is.EqualTo(new[] { red, green, blue }), "the corner");
        var colours = pixels.Chunk(channels).Select(pixel => (pixel[0], pixel[1], pixel[2])).Distinct().Count();
        Assert.That(colours, Is.GreaterThan(200), "digits, curves and the matrix");
    }
}
