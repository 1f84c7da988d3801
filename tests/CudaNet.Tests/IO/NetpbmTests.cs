using System.Text;
using CudaNet.IO;

namespace CudaNet.Tests.IO;

[TestFixture]
public sealed class NetpbmTests
{
    [TestCase("P2 3 1 255 0 128 255", 1, new byte[] { 0, 128, 255 })]
    [TestCase("P2\n# made by hand\n3 1 # size\n15\n0 7 15\n", 1, new byte[] { 0, 119, 255 })]
    [TestCase("P3 1 1 255 1 2 3", 3, new byte[] { 1, 2, 3 })]
    [TestCase("P5 3 1 255\nabc", 1, new byte[] { 97, 98, 99 })]
    [TestCase("P6 1 1 255\nabc", 3, new byte[] { 97, 98, 99 })]
    [TestCase("P5 1 1 65535\n\u0080\0", 1, new byte[] { 128 })]
    public void Text_and_binary_images_are_read(string file, int channels, byte[] pixels)
    {
        var picture = Netpbm.Read(Encoding.Latin1.GetBytes(file));
        Assert.That(picture.Channels, Is.EqualTo(channels));
        Assert.That(picture.Pixels, Is.EqualTo(pixels));
    }

    [TestCase("P1 1 1 0", "P2, P3, P5 or P6")]
    [TestCase("P5 0 1 255\n", "0 × 1")]
    [TestCase("P5 99999 99999 255\n", "pixels")]
    [TestCase("P5 1 1 65536\n\0", "65536")]
    [TestCase("P5 2 2 255\nabc", "4 bytes of pixels, found 3")]
    [TestCase("P2 2 1 255 1", "3 bytes of pixels, found 2")]
    [TestCase("P2 2 1 9 1 10", "at most 9, found 10")]
    [TestCase("P2 2 1 255 1 x", "0x78")]
    [TestCase("P2 2", "the end of the file")]
    [TestCase("P5 99999999999 1 255\n", "below 2^31")]
    public void Faults_are_named(string file, string says) =>
        Assert.That(
            Assert.Throws<CorruptFileException>(() => Netpbm.Read(Encoding.Latin1.GetBytes(file), "a.ppm"))!.Message,
            Does.StartWith("a.ppm").And.Contain(says)
        );

    [Test]
    public void Files_are_told_apart_by_their_contents()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder.File("a"), new Picture([9], 1, 1).ToPng());
        File.WriteAllText(folder.File("b"), "P2 1 1 255 9");
        File.WriteAllBytes(folder.File("c"), [0xFF, 0xD8, 0xFF]);
        Assert.That(PictureFile.Read(folder.File("a")).Pixels, Is.EqualTo(new byte[] { 9 }));
        Assert.That(PictureFile.Read(folder.File("b")).Pixels, Is.EqualTo(new byte[] { 9 }));
        Assert.That(
            Assert.Throws<CorruptFileException>(() => PictureFile.Read(folder.File("c")))!.Message,
            Does.Contain("JPEG").And.Contain("PNG")
        );
    }
}
