using CudaNet.Verification;

namespace CudaNet.Tests.Verification;

/// <summary>The managed kernels against the textbook loops.</summary>
[TestFixture]
public sealed class OpCasesCpu
{
    [TestCaseSource(typeof(Fixtures), nameof(Fixtures.Ops))]
    public void Equal(string op) => Fixtures.Check(op, new CheckOptions());
}

/// <summary>The CUDA kernels, run on the CPU, against the textbook loops.</summary>
[TestFixture, Category("Simt")]
public sealed class OpCasesSimt
{
    [TestCaseSource(typeof(Fixtures), nameof(Fixtures.Ops))]
    public void Equal(string op) => Fixtures.Check(op, new CheckOptions { Device = Fixtures.Simt() });
}

/// <summary>
/// Every variant of every kernel on the device that CUDANET_TEST_DEVICE names, such as cuda:0; skipped, with the reason, when there is none:
/// <c>CUDANET_TEST_DEVICE=cuda:0 dotnet test --filter Category=Kernels</c>.
/// </summary>
[TestFixture, Category("Kernels")]
public sealed class OpCasesOnDevice
{
    private const string Variable = "CUDANET_TEST_DEVICE";

    [TestCaseSource(typeof(Fixtures), nameof(Fixtures.KernelNames))]
    public void Equal(string op)
    {
        if (Environment.GetEnvironmentVariable(Variable) is not { Length: > 0 } name)
        {
            Assert.Ignore($"{Variable} names no device");
            return;
        }
        Fixtures.Check(op, new CheckOptions { Device = TestDevices.Open(name), AllVariants = true });
    }
}

/// <summary>Every variant of every kernel, with shuffled schedules, deferred streams and small grids: results must not change.</summary>
[TestFixture, Category("Simt"), Category("Verify")]
public sealed class OpCasesSchedules
{
    private const int Grids = 4; // at most 1, 2 or 3 blocks where a kernel loops over the rest, or as many as it wants

    [Test, Combinatorial]
    public void Equal(
        [ValueSource(typeof(Fixtures), nameof(Fixtures.KernelNames))] string op,
        [Range(1, 6)] long schedule
    ) =>
        Fixtures.Check(
            op,
            new CheckOptions
            {
                Device = Fixtures.Simt(),
                AllVariants = true,
                Seeds = [schedule],
                Simt = new SimtOptions(Defer: true, ScheduleSeed: schedule, LargestGrid: schedule % Grids),
            }
        );
}

/// <summary>Every variant gives the same bits when it runs again with other schedules: nothing depends on who comes first.</summary>
[TestFixture, Category("Simt"), Category("Verify")]
public sealed class OpCasesRepeat
{
    [TestCaseSource(typeof(Fixtures), nameof(Fixtures.KernelNames))]
    public void SameBits(string op) =>
        Fixtures.Check(
            op,
            new CheckOptions
            {
                Device = Fixtures.Simt(),
                AllVariants = true,
                Gradients = false,
                Repeats = 2,
                Simt = new SimtOptions(ScheduleSeed: 11),
            }
        );
}

/// <summary>
/// Every variant under AddressSanitizer and UBSan, at once and with deferred streams, which shows memory that is freed too early: there with
/// gradients, whose many launches hand memory on. A violation ends the process.
/// </summary>
[TestFixture, Category("Verify"), Category("Asan")]
public sealed class OpCasesAsan
{
    [Test, Combinatorial]
    public void Clean(
        [ValueSource(typeof(Fixtures), nameof(Fixtures.KernelNames))] string op,
        [Values(0, 1)] long schedule
    ) =>
        Fixtures.Check(
            op,
            new CheckOptions
            {
                Device = Fixtures.Simt("simt-asan"),
                AllVariants = true,
                Gradients = schedule != 0,
                Seeds = [schedule],
                Simt = new SimtOptions(Defer: schedule != 0, ScheduleSeed: schedule),
            }
        );
}

/// <summary>
/// Every variant in the build that checks for races, in order and shuffled. What orders two accesses is compared, not when they happen, so
/// more schedules would show nothing new; the kernels of backward passes have cases of their own.
/// </summary>
[TestFixture, Category("Verify"), Category("Race")]
public sealed class OpCasesRace
{
    [Test, Combinatorial]
    public void Clean(
        [ValueSource(typeof(Fixtures), nameof(Fixtures.KernelNames))] string op,
        [Values(0, 1)] long schedule
    ) =>
        Fixtures.Check(
            op,
            new CheckOptions
            {
                Device = Fixtures.Simt("simt-race"),
                AllVariants = true,
                Gradients = false,
                Simt = new SimtOptions(ScheduleSeed: schedule),
            }
        );
}

/// <summary>What the textbook loops themselves are held to: finite differences and compositions.</summary>
[TestFixture]
public sealed class OpDefinitions
{
    [TestCaseSource(typeof(Fixtures), nameof(Fixtures.OpsWithGradientCases))]
    public void GradientsEqualDifferences(string op)
    {
        using var all = Assert.EnterMultipleScope();
        foreach (var opCase in Registry.Find(op).Cases().Where(c => c.CheckGradient))
        {
            var result = CaseGradCheck.Run(opCase);
            Assert.That(result.Passed, Is.True, () => $"{opCase.Name}: {result}");
        }
    }

    [TestCaseSource(typeof(Fixtures), nameof(Fixtures.FusedOps))]
    public void FusedOpsEqualTheirComposition(string op)
    {
        var cases = Registry.Find(op).Cases().Where(c => c.DType == DType.Float64 && !c.IsBenchmark).ToList();
        Assert.That(cases, Is.Not.Empty);
        Assert.That(cases.SelectMany(c => CaseGradCheck.CompareWithComposition(c)), Is.Empty);
    }
}
