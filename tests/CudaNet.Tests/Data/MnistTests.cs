using System.Buffers.Binary;
using System.IO.Compression;
using CudaNet.Data;
using CudaNet.IO;
using CudaNet.Tests.IO;
using NUnit.Framework;

namespace CudaNet.Tests.Data;

public sealed class MnistTests
{
    [Test]
    public void The_real_digits_split_into_8000_and_2000()
    {
        string? folder = FindRealDigits(out string reason);
        if (folder is null)
        {
            Assert.Ignore(reason);
        }

        TrainTestImages digits = Mnist.Load(folder!);

        // The class counts of MNIST's published test file.
        var counts = new int[10];
        foreach (byte label in digits.Train.Labels.Concat(digits.Test.Labels))
        {
            counts[label]++;
        }

        Assert.Multiple(() =>
        {
            Assert.That((digits.Train.Count, digits.Test.Count), Is.EqualTo((8000, 2000)));
            Assert.That((digits.Train.Height, digits.Train.Width), Is.EqualTo((28, 28)));
            Assert.That(digits.Train.Images, Has.Length.EqualTo(8000 * 784));
            Assert.That(digits.Test.Images, Has.Length.EqualTo(2000 * 784));
            Assert.That(counts, Is.EqualTo(new[] { 980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009 }));
            Assert.That(digits.Train.Labels[..5], Is.EqualTo(new byte[] { 7, 2, 1, 0, 4 }));
        });
    }

    [TestCase('-', false)]
    [TestCase('.', false)]
    [TestCase('-', true)]
    [TestCase('.', true)]
    public void Both_pairs_are_found_under_each_standard_name(char mark, bool zipped)
    {
        using var folder = new TemporaryFolder();
        WritePair(folder, "train", 6, mark, zipped);
        WritePair(folder, "t10k", 5, mark, zipped);
        TrainTestImages digits = Mnist.Load(folder.Path);
        Assert.That((digits.Train.Count, digits.Test.Count), Is.EqualTo((6, 5)));
        Assert.That(digits.Train.Images, Is.EqualTo(Images(6)[16..]));
        Assert.That(digits.Test.Labels, Is.EqualTo(Labels(5)[8..]));
    }

    [Test]
    public void A_lone_test_pair_is_split_without_overlap()
    {
        using var folder = new TemporaryFolder();
        WritePair(folder, "t10k", 10, '-', false);
        TrainTestImages digits = Mnist.Load(folder.Path);
        Assert.That((digits.Train.Count, digits.Test.Count), Is.EqualTo((8, 2)));
        Assert.That(digits.Train.Images.Concat(digits.Test.Images), Is.EqualTo(Images(10)[16..]));
        Assert.That(digits.Train.Labels.Concat(digits.Test.Labels), Is.EqualTo(Labels(10)[8..]));
    }

    [Test]
    public void What_is_missing_is_named()
    {
        using var folder = new TemporaryFolder();
        Assert.That(
            Error<DataNotFoundException>(folder.File("none")),
            Does.Contain("no folder").And.Contain("t10k-images")
        );
        Assert.That(Error<DataNotFoundException>(folder.Path), Does.Contain("t10k-images-idx3-ubyte.gz"));
        WritePair(folder, "t10k", 5, '-', false);
        File.WriteAllBytes(folder.File("train-images-idx3-ubyte"), Images(3));
        Assert.That(Error<DataNotFoundException>(folder.Path), Does.Contain("train labels"));
    }

    [Test]
    public void Labels_that_do_not_fit_are_refused()
    {
        using var folder = new TemporaryFolder();
        WritePair(folder, "t10k", 5, '-', false);
        string labels = folder.File("t10k-labels-idx1-ubyte");
        File.WriteAllBytes(labels, Labels(4));
        Assert.That(Error<CorruptFileException>(folder.Path), Does.Contain("5 labels").And.Contain("found 4"));
        File.WriteAllBytes(labels, [.. Labels(4)[..7], 5, 0, 1, 2, 10, 4]);
        Assert.That(Error<CorruptFileException>(folder.Path), Does.Contain("label 3").And.Contain("found 10"));
        File.WriteAllBytes(labels, Images(5));
        Assert.That(Error<CorruptFileException>(folder.Path), Does.Contain("rank 1").And.Contain("exchanged"));
    }

    [TestCase("", "an empty file")]
    [TestCase("000008", "found 000008")]
    [TestCase("01000801", "magic")]
    [TestCase("00000d01", "0x0d")]
    [TestCase("00000800", "rank")]
    [TestCase("00000809", "rank")]
    [TestCase("00000801000000", "found 3 bytes")]
    [TestCase("0000080180000000", "2147483648")]
    [TestCase("00000803010000000100000001000000", "elements")]
    [TestCase("000008010000000303", "expected 3 bytes for [3], found 1 bytes")]
    [TestCase("00000801000000020304ff", "expected 2 bytes for [2], found 3 bytes")]
    [TestCase("000008017fffff0000", "found 1 bytes")]
    public void Damaged_idx_files_are_refused_without_trusting_the_header(string hex, string says)
    {
        byte[] file = Convert.FromHexString(hex);
        long before = GC.GetAllocatedBytesForCurrentThread();
        var error = Assert.Throws<CorruptFileException>(() => Idx.Read(new MemoryStream(file), "x.idx"));
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(1_300_000));
        Assert.That(error!.Message, Does.StartWith("x.idx").And.Contain(says));
    }

    [Test]
    public void Damage_is_refused_with_the_typed_exception()
    {
        Samples.Damage(Labels(6), s => Idx.Read(s));
        using var folder = new TemporaryFolder();
        string path = folder.File("labels.gz");

        // A gzip file cut inside its 8-byte trailer still holds all elements, so such a cut may be read.
        Samples.Damage(
            Zip(Labels(6)),
            s =>
            {
                File.WriteAllBytes(path, ((MemoryStream)s).ToArray());
                Assert.That(Idx.Read(path).Bytes, Has.Length.LessThanOrEqualTo(6));
            },
            everyCutIsRefused: false
        );
    }

    private static string? FindRealDigits(out string reason)
    {
        var tried = new List<string>();
        if (Environment.GetEnvironmentVariable("CUDANET_DATA") is { Length: > 0 } data)
        {
            tried.AddRange([Path.Combine(data, "mnist10k"), data]);
        }

        DirectoryInfo? root = new(TestContext.CurrentContext.TestDirectory);
        while (root is not null && !Directory.Exists(Path.Combine(root.FullName, "src", "CudaNet")))
        {
            root = root.Parent;
        }

        if (root?.Parent is not null)
        {
            tried.Add(Path.Combine(root.Parent.FullName, "shared", "data", "mnist10k"));
        }

        reason = $"No real digits: set CUDANET_DATA to a folder with mnist10k/. Looked in {string.Join(", ", tried)}.";
        return tried.FirstOrDefault(f => Directory.Exists(f) && Directory.EnumerateFiles(f, "t10k-images*").Any());
    }

    private static string Error<T>(string folder)
        where T : Exception => Assert.Throws<T>(() => Mnist.Load(folder))!.Message;

    private static void WritePair(TemporaryFolder folder, string set, int count, char mark, bool zipped)
    {
        string ending = zipped ? ".gz" : "";
        byte[] images = Images(count);
        byte[] labels = Labels(count);
        File.WriteAllBytes(folder.File($"{set}-images{mark}idx3-ubyte{ending}"), zipped ? Zip(images) : images);
        File.WriteAllBytes(folder.File($"{set}-labels{mark}idx1-ubyte{ending}"), zipped ? Zip(labels) : labels);
    }

    private static byte[] Images(int count) =>
        [
            0,
            0,
            8,
            3,
            .. Word(count),
            .. Word(3),
            .. Word(2),
            .. Enumerable.Range(0, 6 * count).Select(i => (byte)(i * 7)),
        ];

    private static byte[] Labels(int count) =>
        [0, 0, 8, 1, .. Word(count), .. Enumerable.Range(0, count).Select(i => (byte)(i % 10))];

    private static byte[] Word(int value)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(bytes, value);
        return bytes;
    }

    private static byte[] Zip(byte[] bytes)
    {
        using var packed = new MemoryStream();
        using (var zip = new GZipStream(packed, CompressionLevel.Fastest))
        {
            zip.Write(bytes);
        }

        return packed.ToArray();
    }
}
