using CudaNet.Reporting;

namespace CudaNet.Tests.Reporting;

[TestFixture]
public sealed class HtmlWriterTests
{
    [Test]
    public void Text_and_attributes_cannot_become_markup()
    {
        var html = new HtmlWriter();
        html.Open("p", ("title", "\"><script>&'")).Text("a < b && \"c\" <i>\0\u001b 日本 😀").Close();
        Assert.That(
            html.ToString(),
            Is.EqualTo(
                "<p title=\"&quot;&gt;&lt;script&gt;&amp;&#39;\">a &lt; b &amp;&amp; &quot;c&quot; &lt;i&gt;\uFFFD\uFFFD 日本 😀</p>"
            )
        );
    }

    [Test]
    public void Half_a_surrogate_pair_is_replaced() =>
        Assert.That(new HtmlWriter().Text("a\ud83d!").ToString(), Is.EqualTo("a\uFFFD!"));

    [Test]
    public void Elements_close_in_order()
    {
        var html = new HtmlWriter().Open("ul").Open("li").Text("x").Close().Empty("hr", ("class", "a"));
        Assert.Throws<InvalidOperationException>(() => html.ToString());
        Assert.That(html.Close().ToString(), Is.EqualTo("<ul><li>x</li><hr class=\"a\"/></ul>"));
        Assert.Throws<InvalidOperationException>(() => html.Close());
    }

    [TestCase(1.0 / 3, "0.33")]
    [TestCase(-12, "-12")]
    [TestCase(1e9, "1000000000")]
    public void Coordinates_have_two_decimals(double value, string expected) =>
        Assert.That(HtmlWriter.Number(value), Is.EqualTo(expected));
}
