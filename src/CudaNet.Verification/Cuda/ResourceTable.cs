using System.Globalization;
using System.Text;

namespace CudaNet.Verification;

/// <summary>
/// The checked-in table of what each kernel's machine code needs. It is compared line by line, so that a kernel which starts to spill, or loses its
/// wide loads, shows in a review.
/// </summary>
internal static class ResourceTable
{
    private const string Header =
        "| kernel | arch | instances | registers | stack B | shared B | local accesses | 128-bit loads | tensor core |";

    /// <summary>The table as Markdown, a section per file.</summary>
    /// <param name="rows">Sorted by file.</param>
    /// <param name="compiler">The compiler's version: another one allocates registers differently.</param>
    public static string Write(IReadOnlyList<KernelResources> rows, string compiler)
    {
        var text = new StringBuilder(
            $"""
            # What the kernels' machine code needs

            Compiled by {compiler}; written by `./build.sh --target=Cuda --fix` and compared by `--target=Cuda`. Each row is a kernel template: the number of its
            instances, the largest register count, stack and static shared memory among them, and how many loads and stores of local memory (spills
            and arrays that are not in registers), 128-bit global loads and tensor-core instructions they have together.

            """
        );
        foreach (var file in rows.GroupBy(row => row.File))
        {
            text.Append(CultureInfo.InvariantCulture, $"\n## {file.Key}\n\n{Header}\n");
            text.Append("|---|---|---|---|---|---|---|---|---|\n");
            foreach (var r in file)
                text.Append(
                    CultureInfo.InvariantCulture,
                    $"| {r.Kernel} | {r.Architecture} | {r.Instances} | {r.Registers} | {r.Stack} | {r.Shared} | {r.LocalAccesses} | {r.WideLoads} | {r.TensorCore} |\n"
                );
        }
        return text.ToString();
    }

    /// <summary>The kernels that use local memory without a reason, and the reasons that nothing needs any more; a line each.</summary>
    /// <param name="rows">All rows.</param>
    /// <param name="reasons">Lines <c>file | kernel | reason</c>; empty lines and those that begin with # do not count.</param>
    public static IReadOnlyList<string> FindSpills(IReadOnlyList<KernelResources> rows, IEnumerable<string> reasons)
    {
        var listed = reasons
            .Where(line => line.Length > 0 && line[0] != '#')
            .Select(line => line.Split('|', 3, StringSplitOptions.TrimEntries))
            .Where(parts => parts is [_, _, { Length: > 0 }])
            .Select(parts => (File: parts[0], Kernel: parts[1]))
            .ToHashSet();
        var spilling = rows.Where(row => row.LocalAccesses > 0).ToList();
        return
        [
            .. spilling
                .Where(row => !listed.Contains((row.File, row.Kernel)))
                .Select(row =>
                    $"{row.File}: {row.Kernel} ({row.Architecture}) has {row.LocalAccesses} accesses to local memory and no reason in the list"
                ),
            .. listed
                .Except(spilling.Select(row => (row.File, row.Kernel)))
                .Select(entry => $"{entry.File}: {entry.Kernel} is listed, but uses no local memory"),
        ];
    }

    /// <summary>What differs between two tables: lines with − and +, or nothing. Tables of different compilers are not compared.</summary>
    public static IReadOnlyList<string> Compare(string expected, string actual)
    {
        var (before, after) = (Rows(expected), Rows(actual));
        if (CompilerOf(expected) != CompilerOf(actual))
            return [];
        return
        [
            .. before.Except(after).Select(line => $"- {line}"),
            .. after.Except(before).Select(line => $"+ {line}"),
        ];
    }

    private static string? CompilerOf(string table) =>
        table
            .Split('\n')
            .FirstOrDefault(line => line.StartsWith("Compiled by ", StringComparison.Ordinal))
            ?.Split(';')[0];

    /// <summary>The rows, each with its file before it.</summary>
    private static List<string> Rows(string table)
    {
        var rows = new List<string>();
        var file = "";
        foreach (var line in table.Split('\n'))
            if (line.StartsWith("## ", StringComparison.Ordinal))
                file = line[3..];
            else if (line.StartsWith("| ", StringComparison.Ordinal) && line != Header)
                rows.Add($"{file} {line}");
        return rows;
    }
}
