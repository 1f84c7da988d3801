using CudaNet.IO;
using CudaNet.Tests.IO;
using CudaNet.Training;

namespace CudaNet.Tests.Training;

[TestFixture]
public sealed class RunFolderTests
{
    [Test]
    public void Runs_are_numbered()
    {
        using var folder = new TemporaryFolder();
        var runs = folder.File("runs");
        Assert.That(RunFolder.Create(runs, "mlp").Path, Is.EqualTo(Path.Combine(runs, "mlp-001")));
        Assert.That(RunFolder.Create(runs, "mlp").Path, Is.EqualTo(Path.Combine(runs, "mlp-002")));
        Assert.That(RunFolder.Create(runs, "linear").Path, Is.EqualTo(Path.Combine(runs, "linear-001")));
    }

    [Test]
    public void Runs_that_begin_together_get_folders_of_their_own()
    {
        using var folder = new TemporaryFolder();
        var paths = Enumerable.Range(0, 32).AsParallel().Select(_ => RunFolder.Create(folder.Path, "r").Path).ToList();
        Assert.That(paths.Distinct().Count(), Is.EqualTo(32));
        Assert.That(Directory.GetDirectories(folder.Path), Has.Length.EqualTo(32));
    }

    [Test]
    public void A_folder_with_other_contents_is_left_alone()
    {
        using var folder = new TemporaryFolder();
        var path = folder.File("mine");
        Directory.CreateDirectory(path);
        Assert.That(RunFolder.CreateAt(path + Path.DirectorySeparatorChar).Path, Is.EqualTo(path), "it is empty");
        File.WriteAllText(Path.Combine(path, "notes.txt"), "keep");
        Assert.That(RunFolder.CreateAt(path).Path, Is.EqualTo(path + "-002"));
        Assert.That(File.ReadAllText(Path.Combine(path, "notes.txt")), Is.EqualTo("keep"));
    }

    [Test]
    public void What_is_no_run_folder_is_refused()
    {
        using var folder = new TemporaryFolder();
        var error = Assert.Throws<RunFolderException>(() => RunFolder.Open(folder.Path));
        Assert.That(error!.Message, Does.Contain(folder.Path).And.Contain("config.json"));
        File.WriteAllText(folder.File("file"), "");
        Assert.Throws<RunFolderException>(() => RunFolder.Create(folder.File("file"), "mlp"));
        File.WriteAllText(folder.File("config.json"), "{");
        Assert.Throws<CorruptFileException>(() => RunFolder.Open(folder.Path).ReadConfig());
    }
}
