using System.Globalization;
using System.Text.RegularExpressions;

namespace CudaNet.Verification;

/// <summary>What the machine code of a kernel needs on one architecture, over all instances of its template.</summary>
/// <param name="File">The .cu file, such as <c>kernels/norm/layer_norm.cu</c>.</param>
/// <param name="Kernel">The name of the function, without its template arguments.</param>
/// <param name="Architecture">Such as <c>sm_80</c>.</param>
public sealed record KernelResources(string File, string Kernel, string Architecture)
{
    /// <summary>Instances of the template.</summary>
    public int Instances { get; init; }

    /// <summary>The most registers of a thread.</summary>
    public int Registers { get; init; }

    /// <summary>The most bytes of a thread's stack.</summary>
    public int Stack { get; init; }

    /// <summary>The most bytes of static shared memory of a block.</summary>
    public int Shared { get; init; }

    /// <summary>Loads from and stores to local memory: spilled registers, and arrays that are not in registers.</summary>
    public int LocalAccesses { get; init; }

    /// <summary>Loads of 128 bits from global memory.</summary>
    public int WideLoads { get; init; }

    /// <summary>Tensor-core instructions.</summary>
    public int TensorCore { get; init; }

    internal KernelResources And(KernelResources other) =>
        this with
        {
            Instances = Instances + other.Instances,
            Registers = Math.Max(Registers, other.Registers),
            Stack = Math.Max(Stack, other.Stack),
            Shared = Math.Max(Shared, other.Shared),
            LocalAccesses = LocalAccesses + other.LocalAccesses,
            WideLoads = WideLoads + other.WideLoads,
            TensorCore = TensorCore + other.TensorCore,
        };
}

/// <summary>
/// Reads what <c>cuobjdump --dump-resource-usage</c> prints about a library, and then what <c>nvdisasm</c> prints about the parts of it.
/// </summary>
internal sealed partial class ResourceReader
{
    private readonly Dictionary<(string Function, string Architecture), KernelResources> _functions = [];
    private string _file = "";
    private string _architecture = "";
    private (string, string)? _current;

    /// <summary>The mangled names of the functions that were seen.</summary>
    public IReadOnlyCollection<string> Functions => [.. _functions.Keys.Select(key => key.Function).Distinct()];

    /// <summary>Takes the next line about resources.</summary>
    public void ReadUsage(string line)
    {
        if (line.StartsWith("arch = ", StringComparison.Ordinal))
            _architecture = line["arch = ".Length..].Trim();
        else if (line.StartsWith("identifier = ", StringComparison.Ordinal))
            _file = FromKernels(line);
        else if (FunctionLine().Match(line) is { Success: true } function)
            _current = (function.Groups[1].Value, _architecture);
        else if (_current is { } key && UsageLine().Match(line) is { Success: true } usage)
        {
            int Number(int group) => int.Parse(usage.Groups[group].ValueSpan, CultureInfo.InvariantCulture);
            _functions.TryAdd(
                key,
                new(_file, key.Item1, _architecture)
                {
                    Instances = 1,
                    Registers = Number(1),
                    Stack = Number(2),
                    Shared = Number(3),
                }
            );
        }
    }

    /// <summary>Takes the next line of the machine code for one architecture.</summary>
    public void ReadCode(string line, string architecture)
    {
        if (SectionLine().Match(line) is { Success: true } section)
            _current = (section.Groups[1].Value, architecture);
        else if (_current is { } key && InstructionLine().IsMatch(line) && _functions.TryGetValue(key, out var row))
            _functions[key] = row with
            {
                LocalAccesses = row.LocalAccesses + (LocalAccess().IsMatch(line) ? 1 : 0),
                WideLoads = row.WideLoads + (WideLoad().IsMatch(line) ? 1 : 0),
                TensorCore = row.TensorCore + (TensorCoreInstruction().IsMatch(line) ? 1 : 0),
            };
    }

    /// <summary>One row per kernel template and architecture, sorted.</summary>
    /// <param name="demangled">The readable name of each of <see cref="Functions"/>.</param>
    public IReadOnlyList<KernelResources> Rows(IReadOnlyDictionary<string, string> demangled) =>
        [
            .. _functions
                .Select(pair => pair.Value with { Kernel = ShortName(demangled[pair.Key.Function]) })
                .GroupBy(row => (row.File, row.Kernel, row.Architecture))
                .Select(group => group.Aggregate((a, b) => a.And(b)))
                .OrderBy(row => row.File, StringComparer.Ordinal)
                .ThenBy(row => row.Kernel, StringComparer.Ordinal)
                .ThenBy(row => row.Architecture, StringComparer.Ordinal),
        ];

    /// <summary>Paths are kept from the last <c>kernels/</c> on, so that a table does not depend on where it was made.</summary>
    private static string FromKernels(string line)
    {
        var at = line.LastIndexOf("kernels/", StringComparison.Ordinal);
        return at < 0 ? line["identifier = ".Length..].Trim() : line[at..].Trim();
    }

    /// <summary><c>void (anonymous namespace)::softmax_v2&lt;float, 4&gt;(float const*, long)</c> is softmax_v2.</summary>
    private static string ShortName(string demangled)
    {
        var name = demangled.Replace("(anonymous namespace)::", "", StringComparison.Ordinal);
        name = name[..NameEnd(name)];
        return name[(name.LastIndexOfAny([' ', ':']) + 1)..];
    }

    private static int NameEnd(string name) => name.IndexOfAny(['<', '(']) is var end and >= 0 ? end : name.Length;

    [GeneratedRegex(@"^\s*Function ([^:\s]+):\s*$")]
    private static partial Regex FunctionLine();

    [GeneratedRegex(@"REG:(\d+) STACK:(\d+) SHARED:(\d+)")]
    private static partial Regex UsageLine();

    [GeneratedRegex(@"^\s*\.section\s+\.text\.([^,]+),")]
    private static partial Regex SectionLine();

    [GeneratedRegex(@"^\s*/\*[0-9a-f]{4,}\*/")]
    private static partial Regex InstructionLine();

    [GeneratedRegex(@"\s(LDL|STL)\b")]
    private static partial Regex LocalAccess();

    [GeneratedRegex(@"\sLDG(STS)?\.[A-Z0-9.]*\b128\b")]
    private static partial Regex WideLoad();

    [GeneratedRegex(@"\s([HI]MMA|DMMA|WGMMA|HGMMA)\b")]
    private static partial Regex TensorCoreInstruction();
}
