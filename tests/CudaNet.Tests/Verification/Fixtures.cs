using CudaNet.Verification;

namespace CudaNet.Tests.Verification;

/// <summary>What the fixtures over the registry share: one test per op, all of whose failing cases are listed.</summary>
internal static class Fixtures
{
    private const int Shown = 10;

    public static IEnumerable<TestCaseData> Ops => OpsWhere(_ => true);

    public static IEnumerable<string> KernelNames =>
        Registry.All.Where(op => op.Kind == OpKind.Kernel).Select(op => op.Name);

    public static IEnumerable<TestCaseData> FusedOps =>
        OpsWhere(op => op is { Kind: OpKind.Kernel, HasComposition: true });

    public static IEnumerable<TestCaseData> OpsWithGradientCases =>
        OpsWhere(op => op.Cases().Any(c => c.CheckGradient));

    /// <summary>simt, where it is built.</summary>
    /// <param name="build">The flavour that must be loaded; any other is a mistake of whoever started the run.</param>
    public static Device Simt(string? build = null)
    {
        var device = (NativeDevice)TestDevices.Open("simt");
        if (build is not null)
            Assert.That(device.Build, Is.EqualTo(build), "the flavour of CUDANET_SIMT_LIBRARY");
        return device;
    }

    public static void Check(string op, CheckOptions options)
    {
        var summary = CheckRunner.Run(options with { Op = op });
        TestContext.Out.WriteLine($"{summary.Cases} cases in {summary.Seconds:F1} s");
        Assert.That(
            summary.Failed,
            Is.Zero,
            () => string.Join("\n", summary.Failures.Take(Shown).Select(f => f.ToString()))
        );
    }

    private static IEnumerable<TestCaseData> OpsWhere(Func<Op, bool> condition) =>
        Registry.All.Where(condition).Select(op => new TestCaseData(op.Name).SetArgDisplayNames(op.Name));
}
