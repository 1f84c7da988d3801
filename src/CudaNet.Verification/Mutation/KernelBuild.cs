using System.Diagnostics;

namespace CudaNet.Verification;

/// <summary>
/// A private copy of the kernels, in which one file is changed, compiled and linked with everything else that a finished build of
/// simt holds. The commands are those that the build itself used, as ninja tells them.
/// </summary>
internal sealed class KernelBuild : IDisposable
{
    private const int CompilerSeconds = 300;

    private readonly string _root;
    private readonly string _folder;
    private readonly string _build;
    private readonly string[] _commands;

    /// <param name="root">The clone's root.</param>
    /// <param name="flavour">simt or simt-race; build/flavour must be built.</param>
    public KernelBuild(string root, string flavour)
    {
        _root = root;
        _build = Path.Combine(root, "build", flavour);
        if (!File.Exists(Path.Combine(_build, "libcudanet_simt.so")))
            throw new DeviceException(
                $"{_build} is not built; build it with ./build.sh --target=Native --flavours={flavour}"
            );
        _commands = Run("ninja", ["-C", _build, "-t", "commands", "libcudanet_simt.so"], _build).Split('\n');
        _folder = Directory.CreateTempSubdirectory("cudanet-mutant-").FullName;
        foreach (
            var source in Directory.EnumerateFiles(Path.Combine(root, "kernels"), "*", SearchOption.AllDirectories)
        )
        {
            var copy = Path.Combine(_folder, Path.GetRelativePath(root, source));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(source, copy);
        }
        Directory.CreateSymbolicLink(Path.Combine(_folder, "native"), Path.Combine(root, "native"));
    }

    /// <summary>The library that <see cref="Compile"/> makes.</summary>
    public string Library => Path.Combine(_folder, "libcudanet_simt.so");

    /// <summary>Builds the library with one mutant; false when it does not compile.</summary>
    /// <param name="mutant">The change.</param>
    /// <param name="units">The .cu files to compile again: the changed one, or those that include it.</param>
    public bool Compile(Mutant mutant, IReadOnlyList<string> units)
    {
        var copy = Path.Combine(_folder, mutant.File);
        var original = File.ReadAllText(Path.Combine(_root, mutant.File));
        File.WriteAllText(copy, mutant.Apply(original));
        try
        {
            var link = _commands.Last(c => c.Contains(" -shared ", StringComparison.Ordinal));
            foreach (var unit in units)
            {
                var source = Path.Combine(_root, unit);
                var command = _commands.First(c => c.Contains($" -c {source}", StringComparison.Ordinal));
                var output = command.Split(" -o ")[1].Split(' ')[0];
                var target = Path.Combine(_folder, unit.Replace('/', '-') + ".o");
                if (!Shell(command.Replace($"{_root}/kernels", $"{_folder}/kernels").Replace(output, target)))
                    return false;
                // First, so that the linker takes its copy of a function that several files have.
                link = link.Replace($" {output}", "").Replace(" -shared ", $" -shared {target} ");
            }
            return Shell(link.Replace("-o libcudanet_simt.so", $"-o {Library}"));
        }
        finally
        {
            File.WriteAllText(copy, original);
        }
    }

    private bool Shell(string command) =>
        ChildProcess.Run("/bin/sh", ["-c", command], _build, CompilerSeconds, []).ExitCode == 0;

    private static string Run(string program, IReadOnlyList<string> arguments, string folder)
    {
        var result = ChildProcess.Run(program, arguments, folder, CompilerSeconds, []);
        return result.ExitCode == 0
            ? result.Output
            : throw new DeviceException($"{program} {string.Join(' ', arguments)}: {result.Output}");
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}

/// <summary>Runs a program and waits for it, but not for ever.</summary>
internal static class ChildProcess
{
    /// <summary>The exit code, −1 after a time-out, and what was written.</summary>
    public static (int ExitCode, string Output) Run(
        string program,
        IReadOnlyList<string> arguments,
        string folder,
        int seconds,
        IReadOnlyList<(string Name, string Value)> environment
    )
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(TimeSpan.FromSeconds(seconds)))
        {
            process.Kill(entireProcessTree: true);
            process.WaitForExit();
            return (-1, "timed out");
        }
        return (process.ExitCode, output.Result + errors.Result);
    }
}
