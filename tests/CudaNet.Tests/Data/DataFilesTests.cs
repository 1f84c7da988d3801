using CudaNet.Data;
using CudaNet.IO;
using CudaNet.Tests.IO;

namespace CudaNet.Tests.Data;

/// <summary>CIFAR-10, image folders and text.</summary>
[TestFixture]
public sealed class DataFilesTests
{
    [TestCase(false)]
    [TestCase(true)]
    public void Cifar_batches_are_joined_in_order(bool isInArchiveFolder)
    {
        using var folder = new TemporaryFolder();
        var target = isInArchiveFolder
            ? Directory.CreateDirectory(folder.File(Cifar10.ArchiveFolder)).FullName
            : folder.Path;
        for (var i = 0; i < Cifar10.Files.Count; i++)
            File.WriteAllBytes(Path.Combine(target, Cifar10.Files[i]), [.. Record(i, (byte)(10 * i)), .. Record(9, 7)]);
        var data = Cifar10.Load(folder.Path);
        Assert.That((data.Train.Count, data.Test.Count), Is.EqualTo((10, 2)));
        Assert.That((data.Train.Channels, data.Train.Height, data.Train.Width), Is.EqualTo((3, 32, 32)));
        Assert.That(data.Train.Labels, Is.EqualTo(new byte[] { 0, 9, 1, 9, 2, 9, 3, 9, 4, 9 }));
        Assert.That(data.Test.Labels, Is.EqualTo(new byte[] { 5, 9 }));
        var picture = data.Train.Picture(2);
        Assert.That(picture.Pixels[..3], Is.EqualTo(new byte[] { 10, 11, 12 }), "planes become pixels");
        Assert.That(DataFolder.Read(folder.Path).Images!.Test.Count, Is.EqualTo(2));
        Assert.That(data.Train.Select([3, 0]).Labels, Is.EqualTo(new byte[] { 9, 0 }));

        static byte[] Record(int label, byte red) =>
            [
                (byte)label,
                .. Enumerable.Range(0, 3).SelectMany(channel => Enumerable.Repeat((byte)(red + channel), 1024)),
            ];
    }

    [Test]
    public void Damaged_and_missing_cifar_files_are_named()
    {
        using var folder = new TemporaryFolder();
        Assert.That(
            Assert.Throws<DataNotFoundException>(() => Cifar10.Load(folder.Path))!.Message,
            Does.Contain("data_batch_1.bin").And.Contain("cudanet data get cifar10")
        );
        foreach (var name in Cifar10.Files)
            File.WriteAllBytes(folder.File(name), new byte[3073]);
        File.WriteAllBytes(folder.File("data_batch_3.bin"), new byte[3074]);
        Refuses("data_batch_3.bin", "found 3074 bytes");
        File.WriteAllBytes(folder.File("data_batch_3.bin"), [10, .. new byte[3072]]);
        Refuses("data_batch_3.bin", "a label from 0 to 9, found 10");

        void Refuses(params string[] says)
        {
            var message = Assert.Throws<CorruptFileException>(() => Cifar10.Load(folder.Path))!.Message;
            foreach (var text in says)
                Assert.That(message, Does.Contain(text));
        }
    }

    [Test]
    public void Sub_folders_are_classes()
    {
        using var folder = new TemporaryFolder();
        Write("dog", "b.png", new Picture([1, 2, 3, 4, 5, 6], 1, 2, 3).ToPng());
        Write("cat", "z.pgm", [.. "P5 1 2 255\n"u8, 7, 8]);
        Write("cat", "a.PNG", new Picture([9, 10], 1, 2).ToPng());
        Write("cat", "notes.txt", [1]);
        var read = ImageFolder.Read(folder.Path);
        Assert.That(read.Classes, Is.EqualTo(new[] { "cat", "dog" }));
        Assert.That(read.Files.Select(Path.GetFileName), Is.EqualTo(new[] { "a.PNG", "z.pgm", "b.png" }));
        Assert.That(read.Images.Labels, Is.EqualTo(new byte[] { 0, 0, 1 }));
        Assert.That(read.Images.Channels, Is.EqualTo(3), "one has colours");
        Assert.That(read.Images.Slice(0, 1).Images, Is.EqualTo(new byte[] { 9, 10, 9, 10, 9, 10 }));
        Assert.That(read.Images.Slice(2, 1).Images, Is.EqualTo(new byte[] { 1, 4, 2, 5, 3, 6 }));

        Write("dog", "c.png", new Picture([1], 1, 1).ToPng());
        Assert.That(
            Assert.Throws<CorruptFileException>(() => ImageFolder.Read(folder.Path))!.Message,
            Does.Contain("c.png").And.Contain("1 × 2").And.Contain("1 × 1")
        );

        void Write(string label, string name, byte[] contents)
        {
            Directory.CreateDirectory(folder.File(label));
            File.WriteAllBytes(Path.Combine(folder.File(label), name), contents);
        }
    }

    [Test]
    public void Folders_without_images_say_what_was_expected()
    {
        using var folder = new TemporaryFolder();
        Assert.Throws<DataNotFoundException>(() => ImageFolder.Read(folder.File("none")));
        Directory.CreateDirectory(folder.File("empty"));
        Assert.That(
            Assert.Throws<DataNotFoundException>(() => ImageFolder.Read(folder.Path))!.Message,
            Does.Contain(".png").And.Contain("sub-folder")
        );
    }

    [Test]
    public void Text_becomes_tokens_and_back()
    {
        using var folder = new TemporaryFolder();
        var path = folder.File("text.txt");
        File.WriteAllText(path, "baß 😀a");
        var text = CharacterText.Read(path);
        Assert.That(text.Characters, Is.EqualTo(new[] { " ", "a", "b", "ß", "😀" }));
        Assert.That(text.Tokens, Is.EqualTo(new[] { 2, 1, 3, 0, 4, 1 }));
        Assert.That(text.Decode(text.Tokens), Is.EqualTo("baß 😀a"));
        Assert.That(text.Encode("a😀"), Is.EqualTo(new[] { 1, 4 }));
        Assert.That(Assert.Throws<ArgumentException>(() => text.Encode("x"))!.Message, Does.Contain("'x'"));
        File.WriteAllBytes(path, [(byte)'a', 0xE4]);
        Assert.That(
            Assert.Throws<CorruptFileException>(() => CharacterText.Read(path))!.Message,
            Does.Contain("UTF-8")
        );
    }
}
