using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace CudaNet.Verification;

/// <summary>
/// A private copy of the kernels, in which one file is changed, compiled and linked with everything else that a finished build of
/// simt holds. The commands are those that the build itself used, as ninja tells them, but with less optimisation, to be quick, and
/// without warnings, which would keep some mutants from being tried.
/// </summary>
internal sealed class KernelBuild : IDisposable
{
    /// <summary>The functions of a library with mutants: which one is on, and which have been come to.</summary>
    public const string Choose = "cn_choose_mutant",
        Reached = "cn_reached_mutants";

    /// <summary>Mutants are numbered from 1 to this.</summary>
    public const int MostMutants = 4095;

    private const int CompilerSeconds = 600;

    // `a < CnFlip{on} < b` has the operands and the precedence of `a < b`. What notes that a mutant was come to is no access of the kernel.
    private static readonly string s_switches = $$"""
        inline int cn_chosen_mutant_;
        inline unsigned char cn_reached_mutants_[{{MostMutants + 1}}];
        extern "C" __attribute__((visibility("default"), used)) inline void {{Choose}}(int number) {
            cn_chosen_mutant_ = number;
            for (unsigned char& reached : cn_reached_mutants_) reached = 0;
        }
        extern "C" __attribute__((visibility("default"), used)) inline const unsigned char* {{Reached}}() {
            return cn_reached_mutants_;
        }
        #if defined(CUDANET_SIMT_RACE)
        __attribute__((no_sanitize("thread")))
        #endif
        static inline bool cn_mutant(int number) {
            cn_reached_mutants_[number] = 1;
            return cn_chosen_mutant_ == number;
        }
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
        File.WriteAllText(Path.Combine(_folder, "mutants.h"), s_switches);
        Directory.CreateSymbolicLink(Path.Combine(_folder, "native"), Path.Combine(root, "native"));
    }

    /// <summary>Whether a flavour is there to be copied.</summary>
    public static bool IsBuilt(string root, string flavour) =>
        File.Exists(Path.Combine(root, "build", flavour, "libcudanet_simt.so"));

    /// <summary>
    /// Builds libraries that each hold many mutants, of which <see cref="Choose"/> turns one on. Those on lines where the compiler finds
    /// errors are tried apart from the others, by halves; what does not compile is in none of the libraries.
    /// </summary>
    /// <param name="mutants">Changes to one file, by numbers from 1.</param>
    /// <param name="unit">The .cu file to compile: the changed one, or one that includes it.</param>
    public IReadOnlyList<MutantLibrary> Compile(IReadOnlyDictionary<int, Mutant> mutants, string unit)
    {
        if (mutants.Count == 0)
            return [];
        var path = Path.Combine(_folder, $"{_libraries++}", "libcudanet_simt.so");
        if (Compile(mutants, unit, path) is not { } errors)
            return [new(path, mutants)];
        if (mutants.Count == 1)
            return [];
        var lines = Regex
            .Matches(errors, Regex.Escape(Path.GetFileName(mutants.First().Value.File)) + @":(\d+):\d+: error")
            .Select(m => int.Parse(m.Groups[1].Value, CultureInfo.InvariantCulture))
            .ToHashSet();
        var apart = mutants.Where(m => lines.Contains(m.Value.Line)).ToDictionary();
        if (apart.Count == 0 || apart.Count == mutants.Count)
            apart = mutants.OrderBy(m => m.Key).Take(mutants.Count / 2).ToDictionary();
        return
        [
            .. Compile(mutants.Where(m => !apart.ContainsKey(m.Key)).ToDictionary(), unit),
            .. Compile(apart, unit),
        ];
    }

    /// <summary>What the compiler says against it; null when there is a library.</summary>
    private string? Compile(IReadOnlyDictionary<int, Mutant> mutants, string unit, string library)
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
            var command = _commands.First(c =>
                c.Contains($" -c {Path.Combine(_root, unit)}", StringComparison.Ordinal)
            );
            var output = command.Split(" -o ")[1].Split(' ')[0];
            var target = Path.ChangeExtension(library, ".o");
            command = command
                .Replace($"{_root}/kernels", $"{_folder}/kernels")
                .Replace(output, target)
                .Replace(" -Werror ", $" -w -include {Path.Combine(_folder, "mutants.h")} ")
                .Replace(" -O3 ", " -O1 ");
            var compiled = Shell(command);
            if (compiled.ExitCode != 0)
                return compiled.Output;
            // First, so that the linker takes its copy of a function that several files have.
            var link = _commands
                .Last(c => c.Contains(" -shared ", StringComparison.Ordinal))
                .Replace($" {output}", "")
                .Replace(" -shared ", $" -shared {target} ")
                .Replace("-o libcudanet_simt.so", $"-o {library}");
            var linked = Shell(link);
            return linked.ExitCode == 0 ? null : throw new DeviceException($"{link}: {linked.Output}");
        }
        finally
        {
            File.WriteAllText(copy, original);
        }
    }

    private (int ExitCode, string Output) Shell(string command) =>
        ChildProcess.Run("/bin/sh", ["-c", command], _build, CompilerSeconds);

    private static string Run(string program, IReadOnlyList<string> arguments, string folder)
    {
        var result = ChildProcess.Run(program, arguments, folder, CompilerSeconds);
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
        int seconds
    )
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
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
