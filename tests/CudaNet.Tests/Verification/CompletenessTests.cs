using CudaNet.Verification;

namespace CudaNet.Tests.Verification;

/// <summary>The registry has every op, and every op has what belongs to it.</summary>
[TestFixture]
public sealed class CompletenessTests
{
    private static readonly Lazy<IReadOnlyDictionary<string, string>> s_kernels = new(() =>
        Completeness.ReadKernels(Path.Combine(RepositoryRoot.Find(), "kernels"))
    );

    [Test]
    public void NamesAreSortedAndUnique() =>
        Assert.That(
            Registry.All.Select(op => op.Name),
            Is.Ordered.Using((IComparer<string>)StringComparer.Ordinal).And.Unique
        );

    [Test]
    public void EveryOpIsListed()
    {
        var listed = Registry.All.Select(op => op.GetType());
        var existing = typeof(Op).Assembly.GetTypes().Where(t => t.IsSubclassOf(typeof(Op)) && !t.IsAbstract);
        Assert.That(listed, Is.EquivalentTo(existing));
    }

    [Test]
    public void EveryKernelServesAnOp() =>
        Assert.That(s_kernels.Value.Keys, Is.SubsetOf(Registry.All.Select(op => op.Name)));

    [TestCaseSource(typeof(Fixtures), nameof(Fixtures.Ops))]
    public void OpIsComplete(string op) =>
        Assert.That(Completeness.Check(Registry.Find(op), s_kernels.Value), Is.Empty);

    /// <summary>The base name finds every piece: layer_norm is in a file of Ops whose name begins its own, without underscores.</summary>
    [TestCaseSource(typeof(Fixtures), nameof(Fixtures.Ops))]
    public void BaseNameFindsTheFile(string op)
    {
        var declaration = $"class {Registry.Find(op).GetType().Name}";
        var files = Directory
            .EnumerateFiles(Path.Combine(RepositoryRoot.Find(), "src/CudaNet/Ops"), "*.cs", SearchOption.AllDirectories)
            .Where(file => File.ReadAllText(file).Contains(declaration, StringComparison.Ordinal))
            .Select(file => Path.GetFileNameWithoutExtension(file)!.ToLowerInvariant())
            .ToList();
        Assert.That(files, Is.Not.Empty);
        Assert.That(
            files,
            Has.Some.Matches<string>(file => op.Replace("_", "").StartsWith(file!, StringComparison.Ordinal))
        );
    }

    [Test, Category("Simt")]
    public void LibraryHasTheSourcesKernels() =>
        Assert.That(Completeness.KernelsOf(Fixtures.Simt()), Is.EquivalentTo(s_kernels.Value));
}
