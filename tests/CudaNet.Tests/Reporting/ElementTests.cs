using System.Xml.Linq;
using CudaNet.IO;
using CudaNet.Reporting;

namespace CudaNet.Tests.Reporting;

[TestFixture]
public sealed class ElementTests
{
    [Test]
    public void A_confusion_matrix_shows_counts_recall_and_the_worst_mistake_strongest()
    {
        var table = Written(
            new ConfusionTable(
                ["a", "b", "c"],
                new long[,]
                {
                    { 90, 2, 8 },
                    { 1, 99, 0 },
                    { 0, 0, 0 },
                }
            )
        );
        var rows = table.Descendants("tbody").Single().Elements("tr").Select(row => row.Elements().ToList()).ToList();
        Assert.That(rows[0].Select(cell => cell.Value), Is.EqualTo(new[] { "a", "90", "2", "8", "90.0 %" }));
        Assert.That(rows[1].Select(cell => cell.Value), Is.EqualTo(new[] { "b", "1", "99", "0", "99.0 %" }));
        Assert.That(rows[2][^1].Value, Is.EqualTo("–"), "a class without images");
        Assert.That((string)rows[0][1].Attribute("class")!, Is.EqualTo("right strong"));
        Assert.That((string)rows[0][3].Attribute("class")!, Is.EqualTo("wrong strong"));
        Assert.That((string)rows[0][2].Attribute("class")!, Is.EqualTo("wrong"));
        Assert.That((string)rows[0][2].Attribute("title")!, Is.EqualTo("2 × a taken for b"));
        Assert.That((string)rows[1][3].Attribute("class")!, Is.EqualTo("none"));
    }

    [Test]
    public void Pictures_lie_in_the_page()
    {
        var picture = new Picture([0, 50, 100, 150, 200, 250], 2, 3);
        var sheet = Written(new PictureSheet([new(picture, "4 → 9", "a \"four\"")], Width: 40));
        var image = sheet.Descendants("img").Single();
        var source = (string)image.Attribute("src")!;
        Assert.That(source, Does.StartWith("data:image/png;base64,"));
        Assert.That(Convert.FromBase64String(source.Split(',')[1]), Is.EqualTo(picture.ToPng()));
        Assert.That((string)image.Attribute("alt")!, Is.EqualTo("a \"four\""));
        Assert.That((string)image.Attribute("height")!, Is.EqualTo("60"));
        Assert.That(sheet.Descendants("figcaption").Single().Value, Is.EqualTo("4 → 9"));
    }

    [Test]
    public void Tables_head_their_columns_and_rows()
    {
        var pairs = Written(ReportTable.OfPairs([("seed", "1"), ("lr", "<b>")]));
        Assert.That(pairs.Descendants("th").Select(cell => cell.Value), Is.EqualTo(new[] { "seed", "lr" }));
        Assert.That(pairs.Descendants("td").Select(cell => cell.Value), Is.EqualTo(new[] { "1", "<b>" }));
        var rows = Written(
            new ReportTable(
                ["run", "loss"],
                [
                    ["a", "1"],
                    ["b", "2"],
                ]
            )
        );
        Assert.That(rows.Descendants("thead").Single().Value, Is.EqualTo("runloss"));
        Assert.That(rows.Descendants("tbody").Single().Value, Is.EqualTo("a1b2"));
    }

    [Test]
    public void Weights_become_red_and_blue_on_white()
    {
        var weight = Tensor.From<float>([0, 2, -2, 1, 0, 0, 0, 0, 0.1f, 0, 0, -0.1f], [3, 4]);
        var units = WeightPictures.Of(weight, 2, 2, most: 2);
        Assert.That(units.Select(unit => unit.Unit), Is.EqualTo(new[] { 0, 2 }), "the strongest, in order");
        byte[] expected = [247, 247, 247, 178, 24, 43, 33, 102, 172];
        Assert.That(units[0].Picture.Pixels[..9], Is.EqualTo(expected));
        Assert.That(units[1].Picture.Pixels[..3], Is.EqualTo(expected[3..6]), "each on its own scale");
        var filters = WeightPictures.Of(Tensor.Ones([5, 1, 3, 2]), 28, 28, most: 64);
        Assert.That(filters, Has.Count.EqualTo(5));
        Assert.That((filters[0].Picture.Width, filters[0].Picture.Height), Is.EqualTo((2, 3)));
        Assert.That(WeightPictures.Of(Tensor.Ones([5, 3]), 2, 2, 9), Is.Empty);
        Assert.That(WeightPictures.Of(Tensor.Ones([5, 2, 3, 3]), 2, 2, 9), Is.Empty);
    }

    [TestCase("test_accuracy", 0.98755, "98.76 %")]
    [TestCase("train_seconds", 59.96, "60.0 s")]
    [TestCase("train_seconds", 61.2, "1 min 1 s")]
    [TestCase("train_seconds", 7384, "2 h 3 min")]
    [TestCase("loss", 0.000123456, "1.235e-4")]
    [TestCase("loss", 0.0123456, "0.01235")]
    [TestCase("loss", 12.3456789, "12.3457")]
    [TestCase("loss", double.NaN, "NaN")]
    [TestCase("parameters", 1199882, "1,199,882")]
    [TestCase("loss", 0, "0")]
    public void Numbers_have_the_unit_of_their_name(string name, double value, string expected) =>
        Assert.That(Numbers.ByName(name, value), Is.EqualTo(expected));

    private static XElement Written(IReportElement element)
    {
        var html = new HtmlWriter();
        element.Write(html);
        return XElement.Parse(html.ToString());
    }
}
