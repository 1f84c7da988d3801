using System.Diagnostics;

namespace CudaNet.Verification;

/// <summary>
/// A private copy of the kernels, in which one file is changed, compiled and linked with everything else that a finished build of
/// simt holds. The commands are those that the build itself used, as ninja tells them, but with less optimisation, to be quick, and
/// without warnings, which would keep some mutants from being tried.
/// </summary>
internal sealed class KernelBuild : IDisposable
{
    /// <summary>The environment variable with the number of the mutant that is turned on.</summary>
    public const string Chosen = "CUDANET_MUTANT";

    private const int CompilerSeconds = 600;

    // `a < CnFlip{on} < b` has the operands and the precedence of `a < b`.
    private const string Switches = $$"""
        #include <stdlib.h>
        static const int cn_chosen_mutant = getenv("{{Chosen}}") ? atoi(getenv("{{Chosen}}")) : 0;
        static inline bool cn_mutant(int number) { return cn_chosen_mutant == number; }
        struct CnFlip { bool on; };
        template <class A> struct CnFlipped { A a; bool on; };
        #define CN_FLIP(as_is, flipped)                                                                            \
            template <class A> CnFlipped<A> operator as_is(A a, CnFlip flip) { return {a, flip.on}; }              \
            template <class A, class B> bool operator as_is(CnFlipped<A> left, B b) {                              \
                return left.on ? left.a flipped b : left.a as_is b;                                                \
            }
        CN_FLIP(<, <=) CN_FLIP(<=, <) CN_FLIP(>, >=) CN_FLIP(>=, >) CN_FLIP(==, !=) CN_FLIP(!=, ==)

        """;

    private readonly string _root;
    private readonly string _folder;
    private readonly string _build;
    private readonly string[] _commands;
    private int _libraries;

    /// <param name="root">The clone's root.</param>
    /// <param name="flavour">simt, simt-asan or simt-race; build/flavour must be built.</param>
    public KernelBuild(string root, string flavour)
    {
        _root = root;
        _build = Path.Combine(root, "build", flavour);
        if (!IsBuilt(root, flavour))
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
        File.WriteAllText(Path.Combine(_folder, "mutants.h"), Switches);
        Directory.CreateSymbolicLink(Path.Combine(_folder, "native"), Path.Combine(root, "native"));
    }

    /// <summary>Whether a flavour is there to be copied.</summary>
    public static bool IsBuilt(string root, string flavour) =>
        File.Exists(Path.Combine(root, "build", flavour, "libcudanet_simt.so"));

    /// <summary>
    /// Builds libraries that each hold many mutants, of which the environment variable <see cref="Chosen"/> turns one on. Those that
    /// do not compile are found by halving, and are in none of the libraries.
    /// </summary>
    /// <param name="mutants">Changes to one file, by numbers from 1.</param>
    /// <param name="units">The .cu files to compile: the changed one, or those that include it.</param>
    public IReadOnlyList<MutantLibrary> Compile(IReadOnlyDictionary<int, Mutant> mutants, IReadOnlyList<string> units)
    {
        if (mutants.Count == 0)
            return [];
        var path = Path.Combine(_folder, $"{_libraries++}", "libcudanet_simt.so");
        if (TryCompile(mutants, units, path))
            return [new(path, mutants)];
        var half = mutants.Count / 2;
        return half == 0
            ? []
            :
            [
                .. Compile(mutants.OrderBy(m => m.Key).Take(half).ToDictionary(), units),
                .. Compile(mutants.OrderBy(m => m.Key).Skip(half).ToDictionary(), units),
            ];
    }

    private bool TryCompile(IReadOnlyDictionary<int, Mutant> mutants, IReadOnlyList<string> units, string library)
    {
        var file = mutants.First().Value.File;
        var original = File.ReadAllText(Path.Combine(_root, file));
        var text = original;
        // From the end, so that positions hold; what closes an outer change comes behind what closes an inner one.
        var insertions = mutants.SelectMany(m => m.Value.Switch(m.Key));
        foreach (var (at, insertion) in insertions.OrderByDescending(i => i.At))
            text = text.Insert(at, insertion);
        var copy = Path.Combine(_folder, file);
        File.WriteAllText(copy, text);
        Directory.CreateDirectory(Path.GetDirectoryName(library)!);
        try
        {
            var link = _commands.Last(c => c.Contains(" -shared ", StringComparison.Ordinal));
            foreach (var unit in units)
            {
                var command = _commands.First(c =>
                    c.Contains($" -c {Path.Combine(_root, unit)}", StringComparison.Ordinal)
                );
                var output = command.Split(" -o ")[1].Split(' ')[0];
                var target = Path.ChangeExtension(library, unit.Replace('/', '-') + ".o");
                command = command
                    .Replace($"{_root}/kernels", $"{_folder}/kernels")
                    .Replace(output, target)
                    .Replace(" -Werror ", $" -w -include {Path.Combine(_folder, "mutants.h")} ")
                    .Replace(" -O3 ", " -O1 ");
                if (!Shell(command))
                    return false;
                // First, so that the linker takes its copy of a function that several files have.
                link = link.Replace($" {output}", "").Replace(" -shared ", $" -shared {target} ");
            }
            return Shell(link.Replace("-o libcudanet_simt.so", $"-o {library}"));
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

/// <summary>A library with mutants, by their numbers.</summary>
internal sealed record MutantLibrary(string Path, IReadOnlyDictionary<int, Mutant> Mutants);

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
