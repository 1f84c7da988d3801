namespace CudaNet.Verification;

/// <summary>
/// Tests the tests: makes one mistake after the other in the device code of a kernel file and sees whether the cases find it on simt. A
/// barrier's absence may need shuffled threads or the build that checks for races; a loop's wrong step, a grid that is too small for the work; an
/// access outside, whose value nobody uses, the build with AddressSanitizer.
/// </summary>
public static class MutationRunner
{
    /// <summary>The mutants of a file.</summary>
    public static IReadOnlyList<Mutant> Find(string root, string file) =>
        MutantFinder.Find(file, File.ReadAllText(Path.Combine(root, file)));

    /// <summary>The files below kernels/ that have mutants, as paths below the root, in order.</summary>
    public static IReadOnlyList<string> Files(string root) =>
        [.. new KernelSources(root).Paths.Where(file => Find(root, file).Count > 0)];

    /// <summary>Where results are kept unless one says otherwise.</summary>
    public static string ResultsFolder(string root) => Path.Combine(root, "build", "verify", "mutation");

    /// <summary>Tries the mutants of a file.</summary>
    /// <exception cref="DeviceException">build/simt is missing, or the cases fail without any mutant.</exception>
    public static MutationSummary Run(MutationOptions options, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        using var run = new FileRun(options, cancel);
        return run.Run();
    }
}
