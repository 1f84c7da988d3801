using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using CudaNet.IO;
using NUnit.Framework;

namespace CudaNet.Tests.IO;

public sealed class PngWriterTests
{
    [Test]
    public void The_crc_matches_the_published_check_value()
    {
        // "123456789" gives cbf43926 in every catalogue; IEND's is fixed in every PNG file.
        Assert.That(Crc("123456789"u8), Is.EqualTo(0xcbf43926));
        byte[] png = PngWriter.Encode([0], 1, 1);
        Assert.That(Convert.ToHexStringLower(png[^12..]), Is.EqualTo("0000000049454e44ae426082"));
    }

    [TestCase(1, 1, 1)]
    [TestCase(7, 3, 1)]
    [TestCase(5, 4, 3)]
    [TestCase(300, 200, 3)]
    public void Pixels_come_back(int width, int height, int channels)
    {
        using var folder = new TemporaryFolder();
        byte[] pixels = [.. Enumerable.Range(0, width * height * channels).Select(i => (byte)(i * 31))];
        PngWriter.Write(folder.File("a.png"), pixels, width, height, channels);
        (byte[] got, int gotWidth, int gotHeight, int gotChannels) = Decode(File.ReadAllBytes(folder.File("a.png")));
        Assert.That((gotWidth, gotHeight, gotChannels), Is.EqualTo((width, height, channels)));
        Assert.That(got, Is.EqualTo(pixels));
    }

    [Test]
    public void Wrong_sizes_are_refused()
    {
        Assert.Throws<ArgumentException>(() => PngWriter.Encode(new byte[5], 2, 3));
        Assert.Throws<ArgumentOutOfRangeException>(() => PngWriter.Encode([], 0, 3));
        Assert.Throws<ArgumentOutOfRangeException>(() => PngWriter.Encode(new byte[12], 2, 3, 2));
    }

    [Test]
    public void A_grid_places_each_image_and_leaves_the_rest_grey()
    {
        // Three images of 1 x 2 in two columns with one pixel of padding.
        Picture grid = ImageGrid.Tile([1, 2, 3, 4, 5, 6], 1, 2, columns: 2, padding: 1, background: 9);
        byte[] expected =
        [
            .. new byte[] { 9, 9, 9, 9, 9, 9, 9 },
            .. new byte[] { 9, 1, 2, 9, 3, 4, 9 },
            .. new byte[] { 9, 9, 9, 9, 9, 9, 9 },
            .. new byte[] { 9, 5, 6, 9, 9, 9, 9 },
            .. new byte[] { 9, 9, 9, 9, 9, 9, 9 },
        ];
        Assert.That((grid.Width, grid.Height, grid.Channels), Is.EqualTo((7, 5, 1)));
        Assert.That(grid.Pixels, Is.EqualTo(expected));
        Picture colour = ImageGrid.Tile([1, 2, 3, 4, 5, 6], 1, 1, channels: 3, padding: 0);
        Assert.That((colour.Width, colour.Height), Is.EqualTo((2, 1)));
        Assert.That(colour.Pixels, Is.EqualTo(new byte[] { 1, 2, 3, 4, 5, 6 }));
        Assert.Throws<ArgumentException>(() => ImageGrid.Tile(new byte[5], 1, 2));
        Assert.Throws<ArgumentException>(() => ImageGrid.Tile([], 1, 2));
    }

    [Test]
    public void Values_become_bytes_by_rounding_and_clamping()
    {
        float[] values = [-1f, -2f, 1f, 5f, 0f, float.NaN, float.PositiveInfinity, float.NegativeInfinity];
        Assert.That(ImageGrid.ToBytes(values, -1f, 1f), Is.EqualTo(new byte[] { 0, 0, 255, 255, 128, 0, 255, 0 }));
        Assert.Throws<ArgumentException>(() => ImageGrid.ToBytes(values, 1f, 1f));
    }

    [Test]
    public void Planes_become_pixels()
    {
        byte[] planes = [1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 16];
        byte[] expected = [1, 3, 5, 2, 4, 6, 11, 13, 15, 12, 14, 16];
        Assert.That(ImageGrid.PlanesToPixels(planes, 3, 2), Is.EqualTo(expected));
    }

    /// <summary>A reader for what the writer makes; checks each chunk's length and checksum.</summary>
    private static (byte[] Pixels, int Width, int Height, int Channels) Decode(byte[] png)
    {
        Assert.That(Convert.ToHexStringLower(png[..8]), Is.EqualTo("89504e470d0a1a0a"));
        int width = 0;
        int height = 0;
        int channels = 0;
        using var data = new MemoryStream();
        int at = 8;
        while (at < png.Length)
        {
            int length = BinaryPrimitives.ReadInt32BigEndian(png.AsSpan(at));
            Assert.That(
                BinaryPrimitives.ReadUInt32BigEndian(png.AsSpan(at + 8 + length)),
                Is.EqualTo(Crc(png.AsSpan(at + 4, 4 + length)))
            );
            ReadOnlySpan<byte> body = png.AsSpan(at + 8, length);
            switch (Encoding.ASCII.GetString(png, at + 4, 4))
            {
                case "IHDR":
                    width = BinaryPrimitives.ReadInt32BigEndian(body);
                    height = BinaryPrimitives.ReadInt32BigEndian(body[4..]);
                    channels = body[9] == 0 ? 1 : 3;
                    Assert.That(body[8], Is.EqualTo(8));
                    break;
                case "IDAT":
                    data.Write(body);
                    break;
            }

            at += 12 + length;
        }

        data.Position = 0;
        using var zlib = new ZLibStream(data, CompressionMode.Decompress);
        using var raw = new MemoryStream();
        zlib.CopyTo(raw);
        int stride = (width * channels) + 1;
        byte[] rows = raw.ToArray();
        Assert.That(rows, Has.Length.EqualTo(stride * height));
        byte[] pixels = [.. Enumerable.Range(0, height).SelectMany(y => rows[((y * stride) + 1)..((y + 1) * stride)])];
        return (pixels, width, height, channels);
    }

    // Bit by bit, unlike the table-driven one under test.
    internal static uint Crc(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        foreach (byte b in bytes)
        {
            crc ^= b;
            for (int bit = 0; bit < 8; bit++)
            {
                crc = (crc & 1) != 0 ? (crc >> 1) ^ 0xEDB88320 : crc >> 1;
            }
        }

        return ~crc;
    }
}
