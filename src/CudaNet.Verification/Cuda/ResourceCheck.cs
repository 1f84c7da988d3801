using System.ComponentModel;
using System.Diagnostics;

namespace CudaNet.Verification;

/// <summary>
/// <c>cudanet check --resources</c>: disassembles a library that nvcc made, and compares registers, spills, shared memory, wide loads and
/// tensor-core instructions of every kernel with the checked-in table.
/// </summary>
public static class ResourceCheck
{
    /// <summary>Where the table is, from the root of the sources.</summary>
    public const string TablePath = "bench/results/kernel-resources.md";

    /// <summary>Where the reasons for using local memory are.</summary>
    public const string ReasonsPath = "bench/kernel-spills.txt";

    /// <summary>Compares, or writes the table first.</summary>
    /// <param name="library">The path of libcudanet_cuda.so.</param>
    /// <param name="root">The root of the sources.</param>
    /// <param name="write">Whether the table is written instead of compared; spills are reported all the same.</param>
    /// <returns>What is wrong, a line each, and the number of kernels.</returns>
    /// <exception cref="DeviceException">The library or a tool of the CUDA toolkit is missing.</exception>
    public static (IReadOnlyList<string> Wrong, int Kernels) Run(string library, string root, bool write)
    {
        if (!File.Exists(library))
            throw new DeviceException($"check --resources: there is no {library}; ./build.sh --target=Cuda makes it");
        var reader = new ResourceReader();
        Lines("cuobjdump", ["--dump-resource-usage", library], reader.ReadUsage);
        Disassemble(library, reader);
        var rows = reader.Rows(Demangle(reader.Functions));
        var table = ResourceTable.Write(rows, Compiler());
        var path = Path.Combine(root, TablePath);
        var reasons = Path.Combine(root, ReasonsPath);
        List<string> wrong = [.. ResourceTable.FindSpills(rows, File.Exists(reasons) ? File.ReadLines(reasons) : [])];
        if (write)
            File.WriteAllText(path, table);
        else if (!File.Exists(path))
            wrong.Add($"{TablePath} is missing; --write makes it");
        else
            wrong.AddRange(ResourceTable.Compare(File.ReadAllText(path), table));
        return (wrong, rows.Select(row => (row.File, row.Kernel)).Distinct().Count());
    }

    /// <summary>Part by part: cuobjdump's own disassembly starts a process for every kernel.</summary>
    private static void Disassemble(string library, ResourceReader reader)
    {
        var folder = Directory.CreateTempSubdirectory("cudanet-cubins-").FullName;
        try
        {
            Lines("cuobjdump", ["--extract-elf", "all", Path.GetFullPath(library)], _ => { }, folder: folder);
            foreach (var part in Directory.EnumerateFiles(folder, "*.cubin"))
            {
                var architecture = Path.GetFileName(part).Split('.')[^2];
                Lines("nvdisasm", ["--print-code", part], line => reader.ReadCode(line, architecture));
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static Dictionary<string, string> Demangle(IReadOnlyCollection<string> names)
    {
        var readable = new List<string>();
        Lines("c++filt", [], readable.Add, names);
        return names.Zip(readable).ToDictionary(pair => pair.First, pair => pair.Second);
    }

    private static string Compiler()
    {
        var release = "nvcc";
        Lines(
            "nvcc",
            ["--version"],
            line =>
                release = line.Contains("release", StringComparison.Ordinal) ? $"nvcc {line.Split(" V")[^1]}" : release
        );
        return release;
    }

    /// <summary>Hands on what a program prints line by line, because a disassembly is larger than one likes to keep.</summary>
    private static void Lines(
        string program,
        string[] arguments,
        Action<string> take,
        IEnumerable<string>? input = null,
        string folder = ""
    )
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardInput = input is not null,
        };
        Process process;
        try
        {
            process = Process.Start(start)!;
        }
        catch (Win32Exception)
        {
            throw new DeviceException(
                $"check --resources: '{program}' of the CUDA toolkit (or binutils) cannot be started"
            );
        }
        using (process)
        {
            var feeding = input is null
                ? Task.CompletedTask
                : Task.Run(() =>
                {
                    using var writer = process.StandardInput;
                    foreach (var line in input)
                        writer.WriteLine(line);
                });
            while (process.StandardOutput.ReadLine() is { } line)
                take(line);
            feeding.Wait();
            process.WaitForExit();
            if (process.ExitCode != 0)
                throw new DeviceException($"check --resources: {program} ended with status {process.ExitCode}");
        }
    }
}
