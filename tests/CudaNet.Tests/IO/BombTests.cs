using System.Buffers.Binary;
using System.IO.Compression;
using CudaNet.Data;
using CudaNet.IO;

namespace CudaNet.Tests.IO;

/// <summary>Small files that stand for much: what is promised costs nothing, and what really comes out can be limited.</summary>
[TestFixture]
public sealed class BombTests
{
    private const int Megabytes = 64;

    [Test]
    public void A_deflated_array_of_zeros_is_refused_by_its_limit()
    {
        using var stream = new MemoryStream();
        Npz.Write(
            stream,
            [new NamedArray("a", DType.UInt8, [Megabytes << 20], new byte[Megabytes << 20])],
            compress: true
        );
        Assert.That(stream.Length, Is.LessThan(Megabytes << 20 >> 6));
        stream.Position = 0;
        Refuses(() => Npz.Read(stream, maxBytes: 4 * stream.Length), stream.Length, "maxBytes");
    }

    [Test]
    public void A_picture_that_its_data_do_not_fill_costs_what_the_data_do()
    {
        var png = new Picture([1, 2, 3, 4], 2, 2).ToPng();
        BinaryPrimitives.WriteInt32BigEndian(png.AsSpan(16), 8192);
        BinaryPrimitives.WriteInt32BigEndian(png.AsSpan(20), 8192);
        FileMutations.RepairPng(png);
        Refuses(() => PngReader.Read(png), png.Length, "8192 whole rows");
    }

    [Test]
    public void A_zipped_idx_file_that_promises_more_than_it_holds_costs_what_it_holds()
    {
        using var folder = new TemporaryFolder();
        var path = folder.File("images.gz");
        using (var zip = new GZipStream(File.Create(path), CompressionLevel.Fastest))
            zip.Write([0, 0, 8, 1, 0x7F, 0xFF, 0xFF, 0, 1, 2, 3]);
        Refuses(() => Idx.Read(path), new FileInfo(path).Length, "found 3 bytes");
    }

    private static void Refuses(Action read, long size, string says)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        var error = Assert.Throws<CorruptFileException>(() => read())!;
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(4 * size + (1 << 19)));
        Assert.That(error.Message, Does.Contain(says));
    }
}
