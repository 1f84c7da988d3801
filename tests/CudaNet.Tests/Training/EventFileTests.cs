using System.Text;
using CudaNet.Tests.IO;
using CudaNet.Training;

namespace CudaNet.Tests.Training;

[TestFixture]
public sealed class EventFileTests
{
    /// <summary>The check value of CRC-32C, and RFC 3720 B.4.</summary>
    [TestCase("313233343536373839", 0xE3069283u)]
    [TestCase("0000000000000000000000000000000000000000000000000000000000000000", 0x8A9136AAu)]
    [TestCase("000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F", 0x46DD794Eu)]
    public void The_readers_checksum_is_the_published_one(string hex, uint expected) =>
        Assert.That(EventFileReader.Castagnoli(Convert.FromHexString(hex)), Is.EqualTo(expected));

    [Test]
    public void What_is_written_is_read_back()
    {
        using var folder = new TemporaryFolder();
        var path = folder.File("events.out.tfevents.0");
        var before = (DateTime.UtcNow - DateTime.UnixEpoch).TotalSeconds;
        var file = new EventFile(path);
        file.Append(1, [("step/loss", 0.5), ("épreuve", -2)]);
        file.Append(300_000_000_000, [("step/loss", double.NaN), ("x", double.PositiveInfinity)]);
        var events = EventFileReader.Read(path);
        Assert.That(events[0].Version, Is.EqualTo("brain.Event:2"));
        Assert.That(events.Skip(1).Select(e => e.Step), Is.EqualTo(new[] { 1, 300_000_000_000 }));
        Assert.That(events[1].Values, Is.EqualTo(new[] { ("step/loss", 0.5f), ("épreuve", -2f) }));
        Assert.That(events[2].Values, Is.EqualTo(new[] { ("step/loss", float.NaN), ("x", float.PositiveInfinity) }));
        Assert.That(events.Select(e => e.WallTime), Is.Ordered.And.All.InRange(before, before + 60));
    }

    [Test]
    public void A_file_goes_on_where_it_was_cut()
    {
        using var folder = new TemporaryFolder();
        var path = folder.File("events.out.tfevents.0");
        var file = new EventFile(path);
        file.Append(1, [("a", 1)]);
        var length = new FileInfo(path).Length;
        file.Append(2, [("a", 2)]);
        File.AppendAllText(path, "part of a record");
        EventFile.Cut(path, length);
        new EventFile(path).Append(2, [("a", 3)]);
        Assert.That(EventFileReader.Read(path).SelectMany(e => e.Values), Is.EqualTo(new[] { ("a", 1f), ("a", 3f) }));
    }
}
