using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace CudaNet.Tests.Architecture;

/// <summary>What may know what: the arrows between projects and folders, and where native imports may stand.</summary>
internal static class ArchitectureRules
{
    public const int MaximumLines = 600;

    private const string ImportFolder = "src/CudaNet/Devices/Cuda";

    private static readonly Dictionary<string, string[]> s_projects = new()
    {
        ["CudaNet"] = [],
        ["CudaNet.Verification"] = ["CudaNet"],
        ["CudaNet.Models"] = ["CudaNet"],
        ["CudaNet.Native"] = [],
        ["CudaNet.Cli"] = ["CudaNet", "CudaNet.Models", "CudaNet.Verification"],
    };

    /// <summary>A folder and the rooms that its files must not know. A room is a folder of src/CudaNet or another project.</summary>
    private static readonly (string Folder, string[] Rooms)[] s_arrows =
    [
        ("src/CudaNet/Tensors", ["Nn", "Optim", "Training", "Reporting", "Models", "Verification"]),
        ("src/CudaNet/Autograd", ["Nn", "Optim", "Training", "Reporting", "Models", "Verification"]),
        ("src/CudaNet/Ops", ["Nn", "Optim", "Training", "Reporting", "Models", "Verification"]),
        ("src/CudaNet/Devices", ["Nn", "Optim", "Training", "Reporting", "Data", "Models", "Verification"]),
        ("src/CudaNet/Nn", ["Devices.Cuda", "Devices.Cpu", "Reporting", "Models", "Verification"]),
        ("src/CudaNet/Optim", ["Devices.Cuda", "Devices.Cpu", "Reporting", "Models", "Verification"]),
        ("src/CudaNet/Training", ["Devices.Cuda", "Devices.Cpu", "Reporting", "Models", "Verification"]),
        ("src/CudaNet/Reporting", ["Nn", "Optim", "Devices", "Data", "Models", "Verification"]),
        ("src/CudaNet.Models", ["Devices", "Verification"]),
    ];

    /// <summary>The violations of one project file, given its name and its text.</summary>
    public static IEnumerable<string> CheckProject(string name, string text)
    {
        if (!s_projects.TryGetValue(name, out var allowed))
            return [$"{name}.csproj: a project under src/ that the architecture does not name"];
        return XDocument
            .Parse(text)
            .Descendants("ProjectReference")
            .Select(reference =>
                Path.GetFileNameWithoutExtension(reference.Attribute("Include")!.Value.Replace('\\', '/'))
            )
            .Where(reference => !allowed.Contains(reference))
            .Select(reference =>
                $"{name}.csproj: references {reference}; it may reference only [{string.Join(", ", allowed)}]"
            );
    }

    /// <summary>The violations among the source files, each naming the file and the rule.</summary>
    public static IEnumerable<string> CheckSources(IReadOnlyCollection<SourceFile> files)
    {
        var owners = Rooms(files);
        foreach (var file in files)
        {
            if (file.Lines > MaximumLines)
                yield return $"{file.Path}: {file.Lines} lines; no source file has more than {MaximumLines}";
            if (!file.IsManaged)
                continue;

            if (!file.IsUnder(ImportFolder) && Regex.IsMatch(file.Code, @"\b(LibraryImport|DllImport)(Attribute)?\b"))
                yield return $"{file.Path}: imports native functions; only files in {ImportFolder} do";
            if (file.IsUnder("src/CudaNet") && Regex.IsMatch(file.Code, @"\bglobal\s+using\s+(static\s+)?CudaNet\."))
                yield return $"{file.Path}: a global using of a CudaNet namespace hides who knows whom; name it in each file";

            foreach (var (folder, rooms) in s_arrows.Where(arrow => file.IsUnder(arrow.Folder)))
            {
                foreach (string room in rooms)
                {
                    string? found = FindNamespace(file.Code, room) ?? FindType(file.Code, owners[room]);
                    if (found is not null)
                        yield return $"{file.Path}: refers to {room} (\"{found}\"); files in {folder} must not";
                }
            }
        }
    }

    /// <summary>A mention of the room's namespace, qualified or as a using, or null.</summary>
    private static string? FindNamespace(string code, string room)
    {
        string dotted = room.Replace(".", @"\s*\.\s*");
        var match = Regex.Match(code, $@"\bCudaNet\s*\.\s*{dotted}\b");
        // From inside the namespace CudaNet, `Nn.Linear` means CudaNet.Nn.Linear. Rooms that are also everyday names of
        // properties (Data, Training) would be found where they are not meant.
        if (!match.Success && room is "Nn" or "Optim" or "Devices.Cuda" or "Devices.Cpu")
            match = Regex.Match(code, $@"(?<![\w.]){dotted}\s*\.\s*[A-Z]\w*");
        return match.Success ? match.Value : null;
    }

    /// <summary>A use of one of the types, by name alone: what stays visible where several rooms share a namespace.</summary>
    private static string? FindType(string code, IReadOnlySet<string> types)
    {
        if (types.Count == 0)
            return null;
        // After new, typeof( and the like; as a base or an argument; before the name of what is declared; before a member.
        var uses = Regex.Matches(
            code,
            @"(?:(?:\bnew\s+|\btypeof\(|\bis\s+|\bas\s+|[<(:]\s*)(?<a>[A-Z]\w*))|(?:(?<![\w.])(?<a>[A-Z]\w*)\??\s+[a-z_]\w*\s*[=;,)])"
        );
        return uses.Select(use => use.Groups["a"])
            .FirstOrDefault(name => types.Contains(name.Value) && !IsCall(name))
            ?.Value;

        // `(Linear(` and `: Linear(` call a method or construct a base; `new Linear(` is found by its own pattern.
        bool IsCall(Group name) =>
            name.Index + name.Length < code.Length
            && code[name.Index + name.Length] == '('
            && !Regex.IsMatch(code[Math.Max(0, name.Index - 8)..name.Index], @"\bnew\s+$");
    }

    /// <summary>
    /// The top-level types declared in each room and nowhere else. (A layer and its op share a name, Softmax say: such a
    /// name proves nothing.)
    /// </summary>
    private static Dictionary<string, IReadOnlySet<string>> Rooms(IReadOnlyCollection<SourceFile> files)
    {
        var declarations = files
            .Where(file => file.IsManaged && file.IsUnder("src"))
            .SelectMany(file => TypesIn(file.Code).Select(type => (type, file)))
            .ToLookup(declared => declared.type, declared => declared.file);
        return s_arrows
            .SelectMany(arrow => arrow.Rooms)
            .Distinct()
            .ToDictionary(
                room => room,
                IReadOnlySet<string> (room) =>
                    declarations
                        .Where(type => type.All(file => file.IsUnder(FolderOf(room))))
                        .Select(type => type.Key)
                        .ToHashSet()
            );
    }

    private static string FolderOf(string room) =>
        room is "Models" or "Verification" ? $"src/CudaNet.{room}" : $"src/CudaNet/{room.Replace('.', '/')}";

    // csharpier keeps top-level declarations at the line's start, and namespaces are file-scoped.
    private static IEnumerable<string> TypesIn(string code) =>
        Regex
            .Matches(
                code,
                @"^(?:(?:public|internal|static|sealed|abstract|partial|readonly|unsafe|ref)\s+)*(?:class|struct|interface|enum|record(?:\s+struct|\s+class)?)\s+(\w+)",
                RegexOptions.Multiline
            )
            .Select(match => match.Groups[1].Value);
}
