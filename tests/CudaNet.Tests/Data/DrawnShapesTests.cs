using System.Security.Cryptography;
using CudaNet.Data;

namespace CudaNet.Tests.Data;

[TestFixture]
public sealed class DrawnShapesTests
{
    [Test]
    public void The_drawings_never_change()
    {
        // A change here changes the numbers of the recipe unet.
        var shapes = DrawnShapes.Draw(1, 200);
        Assert.That(Convert.ToHexStringLower(SHA256.HashData(shapes.Images))[..16], Is.EqualTo("5d34ffd550fd333d"));
        Assert.That(Convert.ToHexStringLower(SHA256.HashData(shapes.Masks))[..16], Is.EqualTo("967b5c2f129f4ea5"));
    }

    [Test]
    public void An_item_depends_on_its_seed_and_number_alone()
    {
        var all = DrawnShapes.Draw(3, 30);
        var part = DrawnShapes.Draw(3, 10, first: 20);
        var size = DrawnShapes.Height * DrawnShapes.Width;
        Assert.That(part.Images, Is.EqualTo(all.Images[(20 * size)..]));
        Assert.That(part.Masks, Is.EqualTo(all.Masks[(20 * size)..]));
        Assert.That(all.First(4).Masks, Is.EqualTo(all.Masks[..(4 * size)]));
        Assert.That(DrawnShapes.Draw(4, 30).Images, Is.Not.EqualTo(all.Images));
    }

    [Test]
    public void Every_class_has_its_share_of_pixels()
    {
        var masks = DrawnShapes.Load(trainCount: 10, testCount: 200).Test.Masks;
        var shares = DrawnShapes
            .Classes.Select((_, label) => (double)masks.Count(pixel => pixel == label) / masks.Length)
            .ToList();
        Assert.That(shares.Sum(), Is.EqualTo(1).Within(1e-12));
        Assert.That(shares[0], Is.InRange(0.5, 0.85));
        Assert.That(shares.Skip(1), Is.All.InRange(0.03, 0.25));
    }
}
