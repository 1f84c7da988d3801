using System.Diagnostics;
using System.Runtime.InteropServices;

namespace CudaNet;

/// <summary>Where the native libraries are looked for.</summary>
internal static class NativeLocations
{
    public static string FileName(string backend) =>
        OperatingSystem.IsWindows() ? $"cudanet_{backend}.dll" : $"libcudanet_{backend}.so";

    /// <summary>
    /// CUDANET_SIMT_LIBRARY or CUDANET_CUDA_LIBRARY when set; otherwise beside the program, where NuGet puts native files, and in the
    /// build folder of the clone that the program runs in.
    /// </summary>
    public static IEnumerable<string> Candidates(string backend)
    {
        var file = FileName(backend);
        if (
            Environment.GetEnvironmentVariable($"CUDANET_{backend.ToUpperInvariant()}_LIBRARY") is { Length: > 0 } named
        )
        {
            yield return Path.GetFullPath(named);
            yield break;
        }
        yield return Path.Combine(AppContext.BaseDirectory, file);
        yield return Path.Combine(
            AppContext.BaseDirectory,
            "runtimes",
            RuntimeInformation.RuntimeIdentifier,
            "native",
            file
        );
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "CMakeLists.txt")))
                yield return Path.Combine(folder.FullName, "build", backend, file);
    }

    /// <summary>The library that a file needs and the loader does not find, as ldd tells it.</summary>
    public static string? MissingDependency(string path)
    {
        if (!OperatingSystem.IsLinux())
            return null;
        try
        {
            using var ldd = Process.Start(
                new ProcessStartInfo("ldd", [path]) { RedirectStandardOutput = true, RedirectStandardError = true }
            );
            var missing = ldd!
                .StandardOutput.ReadToEnd()
                .Split('\n')
                .Where(line => line.Contains("not found", StringComparison.Ordinal))
                .Select(line => line.Trim().Split(' ')[0])
                .Distinct()
                .ToList();
            return missing.Count == 0
                ? null
                : $"it needs {string.Join(", ", missing)}, which this machine does not have";
        }
        catch (Exception e) when (e is System.ComponentModel.Win32Exception or InvalidOperationException)
        {
            return null;
        }
    }
}
