using System.Globalization;
using CudaNet.Verification;

namespace CudaNet.Tests.Verification;

/// <summary>What the fixtures over the registry share: one test per op, all of whose failing cases are listed.</summary>
internal static class Fixtures
{
    private const int Shown = 10;
    private const string Part = "CUDANET_TEST_PART";

    /// <summary>The ops of this run: all, or, with CUDANET_TEST_PART=2/4, every fourth one from the second on.</summary>
    private static IEnumerable<Op> Chosen
    {
        get
        {
            if (Environment.GetEnvironmentVariable(Part) is not { Length: > 0 } text)
                return Registry.All;
            var (part, parts) = text.Split('/') is [var first, var second]
                ? (int.Parse(first, CultureInfo.InvariantCulture), int.Parse(second, CultureInfo.InvariantCulture))
                : throw new FormatException($"{Part}={text}: expected a part and how many there are, such as 2/4");
            return Registry.All.Where((_, i) => i % parts == part - 1);
        }
    }

    public static IEnumerable<TestCaseData> Ops => OpsWhere(_ => true);

    public static IEnumerable<string> KernelNames => Chosen.Where(op => op.Kind == OpKind.Kernel).Select(op => op.Name);

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
        Chosen.Where(condition).Select(op => new TestCaseData(op.Name).SetArgDisplayNames(op.Name));
}
