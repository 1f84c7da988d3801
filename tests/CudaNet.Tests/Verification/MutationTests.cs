using CudaNet.Verification;

namespace CudaNet.Tests.Verification;

/// <summary>What counts as a mutant, and how survivors are explained.</summary>
[TestFixture]
public sealed class MutantFinderTests
{
    private const string Kernel = """
        // if (a < b) in a comment
        static int host(int a) { return a < 3 ? held[a] : 0; }
        template <class T, int N>
        __global__ void kernel(const T* x, T* y, int n) {
            CN_SHARED(T, tile, N); CN_SHARED(T, wide, [2][3]);
            T held[4];
            auto f = [&](int i) { return i; };
            for (int i = 0; i < n; i++) {
                if (i >= n) return;
                tile[f(i)] = x[held[0]];
                __syncthreads();
                if (i == 0) y[i] = static_cast<T>(1);
                if constexpr (N > 2) y[0] = 0;
                if (i < n) y[1] = 0;
            }
        }
        __device__ int declared(int a);
        __device__ bool next(int a) { return a != 1; }
        """;

    [Test]
    public void FindsWhatDeviceCodeHas()
    {
        var found = MutantFinder.Find("kernels/k.cu", Kernel).Select(m => (m.Kind, m.Line, Changed(m))).ToList();
        Assert.That(
            found,
            Is.EquivalentTo(
                new[]
                {
                    (MutationKind.Comparison, 8, "< → <="),
                    (MutationKind.Comparison, 9, ">= → >"),
                    (MutationKind.Mask, 9, "i >= n → false"),
                    (MutationKind.Index, 10, "f(i) → (f(i)) + 1"),
                    (MutationKind.Index, 10, "held[0] → (held[0]) + 1"),
                    (MutationKind.Index, 10, "0 → (0) + 1"),
                    (MutationKind.Barrier, 11, "__syncthreads(); → ;"),
                    (MutationKind.Comparison, 12, "== → !="),
                    (MutationKind.Index, 12, "i → (i) + 1"),
                    (MutationKind.Index, 13, "0 → (0) + 1"),
                    (MutationKind.Comparison, 14, "< → <="),
                    (MutationKind.Mask, 14, "i < n → true"),
                    (MutationKind.Index, 14, "1 → (1) + 1"),
                    (MutationKind.Comparison, 18, "!= → =="),
                }
            )
        );
    }

    [Test]
    public void AppliesOneChange()
    {
        var barrier = MutantFinder.Find("kernels/k.cu", Kernel).Single(m => m.Kind == MutationKind.Barrier);
        Assert.That(barrier.Apply(Kernel), Is.EqualTo(Kernel.Replace("__syncthreads();", ";")));
        Assert.That(barrier.Source, Is.EqualTo("⟦__syncthreads();⟧"));
    }

    [TestCase(MutationKind.Barrier, 11, "do { if (!cn_mutant(7)) __syncthreads(); } while (0);")]
    [TestCase(MutationKind.Comparison, 14, "if (i < CnFlip{cn_mutant(7)} < n) y[1] = 0;")]
    [TestCase(MutationKind.Index, 14, "if (i < n) y[(1) + cn_mutant(7)] = 0;")]
    [TestCase(MutationKind.Mask, 14, "if (cn_mutant(7) ? true : (i < n)) y[1] = 0;")]
    [TestCase(MutationKind.Mask, 9, "if (cn_mutant(7) ? false : (i >= n)) return;")]
    public void IsChosenAtRunTime(MutationKind kind, int line, string expected)
    {
        var mutant = MutantFinder.Find("kernels/k.cu", Kernel).Single(m => m.Kind == kind && m.Line == line);
        var text = mutant
            .Switch(7)
            .OrderByDescending(insertion => insertion.At)
            .Aggregate(Kernel, (text, insertion) => text.Insert(insertion.At, insertion.Text));
        Assert.That(text.Split('\n')[line - 1].Trim(), Is.EqualTo(expected));
    }

    [Test]
    public void EveryExplainedSurvivorIsStillThere()
    {
        var root = RepositoryRoot.Find();
        var present = MutationFiles
            .All.SelectMany(file => MutationRunner.Find(root, file))
            .Select(m => (m.File, m.Kind, m.Source))
            .ToHashSet();
        Assert.That(MutationRunner.ReadSurvivors(root).Where(s => !present.Contains(s)), Is.Empty);
    }

    [Test]
    public void EveryPlantedBugHasItsPlace() =>
        Assert.That(PlantedBugs.Read(RepositoryRoot.Find()).Select(bug => bug.Name), Is.Unique);

    private static string Changed(Mutant mutant) =>
        $"{Kernel.Substring(mutant.Start, mutant.Length)} → {mutant.Replacement}";
}

/// <summary>Mistakes made on purpose, one at a time, in every kernel: `cudanet check` finds at least 95 of 100. Needs all flavours of
/// simt built; where one is missing, more survive.</summary>
[TestFixture, Category("Simt"), Category("Verify")]
public sealed class KernelMutation
{
    private const double Wanted = 0.95;

    [TestCaseSource(typeof(MutationFiles), nameof(MutationFiles.Covered))]
    public void IsFound(string file)
    {
        TestDevices.Open("simt");
        var summary = MutationRunner.Run(
            new MutationOptions
            {
                Root = RepositoryRoot.Find(),
                Program = Path.Combine(AppContext.BaseDirectory, "CudaNet.Cli.dll"),
                Files = [file],
            }
        );
        TestContext.Out.WriteLine($"{file}: {summary}");
        using var all = Assert.EnterMultipleScope();
        Assert.That(summary.Score, Is.GreaterThanOrEqualTo(Wanted), summary.ToString);
        Assert.That(summary.Stale, Is.Empty, "explained, but found");
    }
}

/// <summary>Mistakes that people make, planted in kernels that are in use: `cudanet check` finds each of them.</summary>
[TestFixture, Category("Simt"), Category("Verify")]
public sealed class PlantedKernelBugs
{
    public static IEnumerable<string> Files =>
        PlantedBugs.Read(RepositoryRoot.Find()).Select(bug => bug.Mutant.File).Distinct();

    [TestCaseSource(nameof(Files))]
    public void AreFound(string file)
    {
        TestDevices.Open("simt");
        var summary = MutationRunner.Run(
            new MutationOptions
            {
                Root = RepositoryRoot.Find(),
                Program = Path.Combine(AppContext.BaseDirectory, "CudaNet.Cli.dll"),
                Files = [file],
                Mutants = [.. PlantedBugs.Read(RepositoryRoot.Find()).Select(bug => bug.Mutant)],
            }
        );
        TestContext.Out.WriteLine($"{file}: {summary}");
        using var all = Assert.EnterMultipleScope();
        Assert.That(summary.Survivors, Is.Empty, summary.ToString);
        Assert.That(summary.Uncompiled, Is.Zero);
    }
}

/// <summary>The files that have device code.</summary>
internal static class MutationFiles
{
    private static readonly string[] s_covered = ["kernels/norm/rows", "kernels/gemm/"];

    /// <summary>Those whose survivors have all been looked at; each further one joins with its own.</summary>
    public static IEnumerable<string> Covered =>
        All.Where(file => s_covered.Any(start => file.StartsWith(start, StringComparison.Ordinal)));

    public static IEnumerable<string> All
    {
        get
        {
            var root = RepositoryRoot.Find();
            return Directory
                .EnumerateFiles(Path.Combine(root, "kernels"), "*.cu*", SearchOption.AllDirectories)
                .Select(path => Path.GetRelativePath(root, path).Replace('\\', '/'))
                .Where(file => MutationRunner.Find(root, file).Count > 0)
                .Order(StringComparer.Ordinal);
        }
    }
}
