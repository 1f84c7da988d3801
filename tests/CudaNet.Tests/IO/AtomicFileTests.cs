using CudaNet.IO;
using NUnit.Framework;

namespace CudaNet.Tests.IO;

public sealed class AtomicFileTests
{
    [Test]
    public void A_failed_write_leaves_the_old_file_and_no_other()
    {
        using var folder = new TemporaryFolder();
        string path = folder.File("a.txt");
        AtomicFile.WriteAllText(path, "old");
        Assert.Throws<InvalidOperationException>(() =>
            AtomicFile.Write(
                path,
                stream =>
                {
                    stream.WriteByte(1);
                    throw new InvalidOperationException();
                }
            )
        );
        Assert.That(File.ReadAllText(path), Is.EqualTo("old"));
        Assert.That(Directory.GetFiles(folder.Path), Has.Length.EqualTo(1));
    }

    [Test]
    public void A_reader_sees_whole_files_only()
    {
        using var folder = new TemporaryFolder();
        string path = folder.File("a.bin");
        AtomicFile.WriteAllBytes(path, new byte[100_000]);
        using var stop = new CancellationTokenSource();
        Task writer = Task.Run(() =>
        {
            for (int i = 0; i < 60; i++)
            {
                AtomicFile.WriteAllBytes(path, Enumerable.Repeat((byte)i, 100_000).ToArray());
            }

            stop.Cancel();
        });
        while (!stop.IsCancellationRequested && !writer.IsFaulted)
        {
            byte[] seen = File.ReadAllBytes(path);
            Assert.That(seen, Has.Length.EqualTo(100_000));
            Assert.That(seen.AsSpan().IndexOfAnyExcept(seen[0]), Is.EqualTo(-1));
        }

        writer.Wait();
    }

    [Test]
    [Platform(Exclude = "Win")]
    public void Links_and_permissions_are_kept()
    {
        using var folder = new TemporaryFolder();
        string target = folder.File("target");
        string link = folder.File("link");
        AtomicFile.WriteAllText(target, "1");
        const UnixFileMode mode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(target, mode);
            File.CreateSymbolicLink(link, target);
            AtomicFile.WriteAllText(link, "2");
            Assert.That(File.GetUnixFileMode(target), Is.EqualTo(mode));
        }

        Assert.That(File.ReadAllText(target), Is.EqualTo("2"));
        Assert.That(new FileInfo(link).LinkTarget, Is.EqualTo(target));
    }

    [Test]
    public void A_missing_folder_is_reported()
    {
        using var folder = new TemporaryFolder();
        string path = folder.File("no/a.txt");
        Assert.Throws<DirectoryNotFoundException>(() => AtomicFile.WriteAllText(path, "x"));
    }
}
