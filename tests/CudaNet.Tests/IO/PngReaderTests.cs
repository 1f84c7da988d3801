using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using CudaNet.IO;

namespace CudaNet.Tests.IO;

public sealed class PngReaderTests
{
    [TestCase(1, 1, 1)]
    [TestCase(7, 3, 1)]
    [TestCase(31, 17, 3)]
    public void What_the_writer_makes_comes_back(int width, int height, int channels)
    {
        byte[] pixels = [.. Enumerable.Range(0, width * height * channels).Select(i => (byte)(i * 37))];
        var picture = PngReader.Read(PngWriter.Encode(pixels, width, height, channels));
        Assert.That((picture.Width, picture.Height, picture.Channels), Is.EqualTo((width, height, channels)));
        Assert.That(picture.Pixels, Is.EqualTo(pixels));
    }

    // Rows of a 3 × 2 picture with pixels 10 20 40 / 15 30 250, filtered by hand as section 9.2 says.
    [TestCase(0, new byte[] { 10, 20, 40 }, new byte[] { 15, 30, 250 })]
    [TestCase(1, new byte[] { 10, 10, 20 }, new byte[] { 15, 15, 220 })]
    [TestCase(2, new byte[] { 10, 20, 40 }, new byte[] { 5, 10, 210 })]
    [TestCase(3, new byte[] { 10, 15, 30 }, new byte[] { 10, 13, 215 })]
    [TestCase(4, new byte[] { 10, 10, 20 }, new byte[] { 5, 10, 210 })]
    public void Filters_are_undone(byte filter, byte[] first, byte[] second)
    {
        var picture = PngReader.Read(Png(3, 2, 8, 0, [filter, .. first, filter, .. second]));
        Assert.That(picture.Pixels, Is.EqualTo(new byte[] { 10, 20, 40, 15, 30, 250 }));
    }

    [TestCase(1, new byte[] { 0b1010_0000 }, new byte[] { 255, 0, 255 })]
    [TestCase(2, new byte[] { 0b00_01_11_00 }, new byte[] { 0, 85, 255 })]
    [TestCase(4, new byte[] { 0x0F, 0x50 }, new byte[] { 0, 255, 85 })]
    [TestCase(16, new byte[] { 0x12, 0x34, 0xFF, 0, 0, 0xFF }, new byte[] { 0x12, 0xFF, 0 })]
    public void Every_depth_becomes_eight_bits(byte depth, byte[] row, byte[] expected) =>
        Assert.That(PngReader.Read(Png(3, 1, depth, 0, [0, .. row])).Pixels, Is.EqualTo(expected));

    [Test]
    public void Colours_palettes_and_transparency_on_white()
    {
        var rgba = PngReader.Read(Png(2, 1, 8, 6, [0, 10, 20, 30, 255, 0, 0, 0, 0]));
        Assert.That(rgba.Channels, Is.EqualTo(3));
        Assert.That(rgba.Pixels, Is.EqualTo(new byte[] { 10, 20, 30, 255, 255, 255 }));

        var greyAlpha = PngReader.Read(Png(2, 1, 8, 4, [0, 0, 128, 200, 255]));
        Assert.That(greyAlpha.Pixels, Is.EqualTo(new byte[] { 127, 200 }));

        byte[] colours = [1, 2, 3, 4, 5, 6];
        var indexed = PngReader.Read(Png(3, 1, 4, 3, [0, 0x01, 0x00], ("PLTE", colours), ("tRNS", [0])));
        Assert.That(indexed.Pixels, Is.EqualTo(new byte[] { 255, 255, 255, 4, 5, 6, 255, 255, 255 }));

        var keyed = PngReader.Read(Png(2, 1, 8, 0, [0, 7, 8], ("tRNS", [0, 7])));
        Assert.That(keyed.Pixels, Is.EqualTo(new byte[] { 255, 8 }));
    }

    [Test]
    public void Every_cut_and_every_changed_byte_is_noticed()
    {
        byte[] png = Png(3, 2, 8, 0, [0, 1, 2, 3, 0, 4, 5, 6]);
        for (var length = 0; length < png.Length; length++)
            Assert.Throws<CorruptFileException>(() => PngReader.Read(png.AsSpan(0, length)), $"{length} bytes");
        for (var i = 0; i < png.Length; i++)
        {
            var changed = png.ToArray();
            changed[i] ^= 0x10;
            Assert.Throws<CorruptFileException>(() => PngReader.Read(changed), $"byte {i}");
        }
    }

    [Test]
    public void What_cannot_be_read_is_named()
    {
        Refuses(Png(1, 1, 8, 0, [5, 0]), "a filter from 0 to 4, found 5");
        Refuses(Png(1, 1, 3, 0, [0, 0]), "depth 3");
        Refuses(Png(1, 1, 4, 2, [0, 0]), "type 2, depth 4");
        Refuses(Png(1, 2, 8, 0, [0, 0]), "2 whole rows");
        Refuses(Png(0, 2, 8, 0, []), "0 × 2");
        Refuses(Png(int.MaxValue, int.MaxValue, 8, 0, []), "pixels");
        Refuses(Png(1, 1, 8, 0, [0, 0], interlaced: true), "without interlacing");
        Refuses(Png(1, 1, 8, 3, [0, 2], ("PLTE", [1, 2, 3])), "colours below 1, found 2");

        static void Refuses(byte[] png, string says) =>
            Assert.That(
                Assert.Throws<CorruptFileException>(() => PngReader.Read(png, "a.png"))!.Message,
                Does.StartWith("a.png").And.Contain(says)
            );
    }

    [Test]
    public void Pictures_are_enlarged_and_framed()
    {
        var picture = new Picture([1, 2], 2, 1);
        Assert.That(picture.Enlarge(2).Pixels, Is.EqualTo(new byte[] { 1, 1, 2, 2, 1, 1, 2, 2 }));
        var framed = picture.Frame(1, 7, 8, 9);
        Assert.That((framed.Width, framed.Height, framed.Channels), Is.EqualTo((4, 3, 3)));
        Assert.That(framed.Pixels[12..24], Is.EqualTo(new byte[] { 7, 8, 9, 1, 1, 1, 2, 2, 2, 7, 8, 9 }));
        Assert.That(framed.Pixels[..3], Is.EqualTo(new byte[] { 7, 8, 9 }));
    }

    /// <summary>A PNG file around rows that are filtered already.</summary>
    private static byte[] Png(
        int width,
        int height,
        byte depth,
        byte colour,
        byte[] rows,
        params (string, byte[])[] extra
    ) => Png(width, height, depth, colour, rows, interlaced: false, extra);

    private static byte[] Png(
        int width,
        int height,
        byte depth,
        byte colour,
        byte[] rows,
        bool interlaced,
        params (string Type, byte[] Body)[] extra
    )
    {
        var header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        (header[8], header[9], header[12]) = (depth, colour, interlaced ? (byte)1 : (byte)0);
        using var data = new MemoryStream();
        using (var zlib = new ZLibStream(data, CompressionLevel.Fastest, leaveOpen: true))
            zlib.Write(rows);
        (string Type, byte[] Body)[] chunks = [("IHDR", header), .. extra, ("IDAT", data.ToArray()), ("IEND", [])];
        byte[] signature = [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A];
        return [.. signature, .. chunks.SelectMany(chunk => Chunk(chunk.Type, chunk.Body))];
    }

    private static byte[] Chunk(string type, byte[] body)
    {
        byte[] named = [.. Encoding.ASCII.GetBytes(type), .. body];
        var chunk = new byte[named.Length + 8];
        BinaryPrimitives.WriteInt32BigEndian(chunk, body.Length);
        named.CopyTo(chunk, 4);
        BinaryPrimitives.WriteUInt32BigEndian(chunk.AsSpan(chunk.Length - 4), PngWriterTests.Crc(named));
        return chunk;
    }
}
