using System.Formats.Tar;
using System.IO.Compression;
using System.Security.Cryptography;
using CudaNet.Data;
using CudaNet.IO;
using CudaNet.Tests.IO;

namespace CudaNet.Tests.Data;

[TestFixture]
public sealed class DownloaderTests
{
    private static readonly byte[] s_contents = [.. Enumerable.Range(0, 300_000).Select(i => (byte)(i * i >> 3))];

    private static readonly RemoteFile s_file = new("a.bin", s_contents.Length, Sum(s_contents));

    [Test]
    public void A_file_is_downloaded_checked_and_not_downloaded_again()
    {
        using var server = new LocalServer { Files = { ["a.bin"] = s_contents } };
        using var folder = new TemporaryFolder();
        var target = Path.Combine(folder.Path, "new", "data");
        var progress = new List<long>();
        Assert.That(Fetch(server.Url, target, progress.Add), Is.EqualTo(FetchOutcome.Downloaded));
        Assert.That(File.ReadAllBytes(Path.Combine(target, "a.bin")), Is.EqualTo(s_contents));
        Assert.That(progress, Is.Ordered);
        Assert.That(progress[^1], Is.EqualTo(s_contents.Length));
        Assert.That(Fetch(server.Url + "/", target), Is.EqualTo(FetchOutcome.Present));
        Assert.That(server.Requests, Has.Count.EqualTo(1));
        Assert.That(Directory.GetFiles(target), Has.Length.EqualTo(1), "no part is left");
    }

    [Test]
    public void A_broken_connection_is_made_again_where_it_broke()
    {
        using var server = new LocalServer { Files = { ["a.bin"] = s_contents } };
        server.Cuts.Enqueue(100_000);
        server.Cuts.Enqueue(50_000);
        using var folder = new TemporaryFolder();
        Assert.That(Fetch(server.Url, folder.Path), Is.EqualTo(FetchOutcome.Resumed));
        Assert.That(File.ReadAllBytes(folder.File("a.bin")), Is.EqualTo(s_contents));
        var starts = server.Requests.Select(request => request.From).ToList();
        Assert.That(starts[0], Is.Zero);
        Assert.That(starts, Is.Ordered.And.Count.EqualTo(3));
        Assert.That(starts[1], Is.InRange(1, 100_000));
    }

    [Test]
    public void What_is_left_after_too_many_breaks_is_gone_on_from()
    {
        using var server = new LocalServer { Files = { ["a.bin"] = s_contents } };
        for (var i = 0; i < 3; i++)
            server.Cuts.Enqueue(60_000);
        using var folder = new TemporaryFolder();
        var error = Assert.Throws<DownloadException>(() => Fetch(server.Url, folder.Path))!;
        Assert.That(
            error.Message,
            Does.Contain("the connection broke").And.Contain("300000").And.Contain("Run the command again")
        );
        Assert.That(File.Exists(folder.File("a.bin")), Is.False);
        Assert.That(new FileInfo(folder.File("a.bin.part")).Length, Is.GreaterThan(0));
        Assert.That(Fetch(server.Url, folder.Path), Is.EqualTo(FetchOutcome.Resumed));
        Assert.That(File.ReadAllBytes(folder.File("a.bin")), Is.EqualTo(s_contents));
    }

    [Test]
    public void A_server_without_ranges_sends_the_whole_file_again()
    {
        using var server = new LocalServer { KnowsRanges = false, Files = { ["a.bin"] = s_contents } };
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder.File("a.bin.part"), s_contents[..1000]);
        Fetch(server.Url, folder.Path);
        Assert.That(File.ReadAllBytes(folder.File("a.bin")), Is.EqualTo(s_contents));
        Assert.That(server.Requests.Single().From, Is.EqualTo(1000));
    }

    [TestCase(1000, 2)]
    [TestCase(300_000, 1)]
    [TestCase(400_000, 1)]
    public void A_part_of_another_file_is_thrown_away(int length, int requests)
    {
        using var server = new LocalServer { Files = { ["a.bin"] = s_contents } };
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder.File("a.bin.part"), new byte[length]);
        Fetch(server.Url, folder.Path);
        Assert.That(File.ReadAllBytes(folder.File("a.bin")), Is.EqualTo(s_contents));
        Assert.That(server.Requests, Has.Count.EqualTo(requests));
    }

    [Test]
    public void A_complete_part_needs_no_server()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder.File("a.bin.part"), s_contents);
        Fetch(LocalServer.Nobody(), folder.Path);
        Assert.That(File.ReadAllBytes(folder.File("a.bin")), Is.EqualTo(s_contents));
    }

    [Test]
    public void A_changed_file_is_not_kept()
    {
        var changed = s_contents.ToArray();
        changed[^1] ^= 1;
        using var server = new LocalServer { Files = { ["a.bin"] = changed } };
        using var folder = new TemporaryFolder();
        var error = Assert.Throws<DownloadException>(() => Fetch(server.Url, folder.Path))!;
        Assert.That(
            error.Message,
            Does.Contain("SHA-256").And.Contain(Sum(changed)).And.Contain(Sum(s_contents)).And.Contain(server.Url)
        );
        Assert.That(Directory.GetFiles(folder.Path), Is.Empty);
    }

    [TestCase(299_999)]
    [TestCase(300_001)]
    public void A_file_of_another_size_is_not_taken(int size)
    {
        using var server = new LocalServer { Files = { ["a.bin"] = new byte[size] } };
        using var folder = new TemporaryFolder();
        Assert.That(
            Assert.Throws<DownloadException>(() => Fetch(server.Url, folder.Path))!.Message,
            Does.Contain($"has {size} bytes, expected 300000")
        );
        Assert.That(Directory.GetFiles(folder.Path), Is.Empty);
    }

    [Test]
    public void The_next_server_is_tried_and_all_are_named_when_none_helps()
    {
        using var empty = new LocalServer();
        using var server = new LocalServer { Files = { ["a.bin"] = s_contents } };
        using var folder = new TemporaryFolder();
        using var downloader = new Downloader();
        var nobody = LocalServer.Nobody();
        var error = Assert.Throws<DownloadException>(() => downloader.Fetch(s_file, [empty.Url, nobody], folder.Path))!;
        Assert.That(
            error.Message,
            Does.Contain($"{empty.Url}/a.bin: the server answered 404").And.Contain($"{nobody}/a.bin: no answer")
        );
        Assert.That(
            downloader.Fetch(s_file, [empty.Url, nobody, server.Url], folder.Path),
            Is.EqualTo(FetchOutcome.Downloaded)
        );
    }

    [Test]
    public void Another_file_of_the_name_is_left_alone()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.File("a.bin"), "mine");
        Assert.That(
            Assert.Throws<DataExistsException>(() => Fetch(LocalServer.Nobody(), folder.Path))!.Message,
            Does.Contain("a.bin").And.Contain("remove it")
        );
        Assert.That(File.ReadAllText(folder.File("a.bin")), Is.EqualTo("mine"));
    }

    [Test]
    public void The_archive_of_cifar10_is_unpacked()
    {
        using var folder = new TemporaryFolder();
        Pack(folder.File(Cifar10Archive.Name), [.. Cifar10.Files, "../../evil.bin", "readme.html"]);
        Cifar10Archive.Unpack(folder.Path);
        Assert.That(Cifar10.Load(folder.Path).Train.Count, Is.EqualTo(5));
        var files = Directory.GetFiles(folder.Path, "*", SearchOption.AllDirectories);
        Assert.That(files, Has.Length.EqualTo(1 + Cifar10.Files.Count), "nothing else was written");
        Cifar10Archive.Unpack(folder.Path);
    }

    [Test]
    public void A_damaged_archive_is_named()
    {
        using var folder = new TemporaryFolder();
        Pack(folder.File(Cifar10Archive.Name), [.. Cifar10.Files.Skip(1)]);
        Refuses("none of data_batch_1.bin");
        File.WriteAllText(folder.File(Cifar10Archive.Name), "no archive");
        Refuses("intact");

        void Refuses(string says) =>
            Assert.That(
                Assert.Throws<CorruptFileException>(() => Cifar10Archive.Unpack(folder.Path))!.Message,
                Does.Contain(Cifar10Archive.Name).And.Contain(says)
            );
    }

    [Test]
    public void The_published_sums_are_well_formed()
    {
        foreach (var file in DataSets.All.Where(set => set.Download is not null).SelectMany(set => set.Download!.Files))
        {
            Assert.That(Convert.FromHexString(file.Sha256), Has.Length.EqualTo(32));
            Assert.That(file.Sha256, Is.EqualTo(file.Sha256.ToLowerInvariant()));
            Assert.That(file.Bytes, Is.GreaterThan(1000));
        }
    }

    private static FetchOutcome Fetch(string server, string folder, Action<long>? progress = null)
    {
        using var downloader = new Downloader();
        return downloader.Fetch(s_file, [server], folder, progress);
    }

    private static string Sum(byte[] contents) => Convert.ToHexStringLower(SHA256.HashData(contents));

    private static void Pack(string path, IReadOnlyList<string> names)
    {
        using var zip = new GZipStream(File.Create(path), CompressionLevel.Fastest);
        using var tar = new TarWriter(zip, TarEntryFormat.Ustar);
        foreach (var name in names)
            tar.WriteEntry(
                new UstarTarEntry(TarEntryType.RegularFile, $"{Cifar10.ArchiveFolder}/{name}")
                {
                    DataStream = new MemoryStream(new byte[3073]),
                }
            );
    }
}
