using System.Runtime.InteropServices;
using System.Text.Json.Nodes;

namespace CudaNet.Cli.Commands;

/// <summary><c>cudanet doctor</c>: what is installed, what is missing, what is broken and how to mend it.</summary>
internal static class DoctorCommand
{
    public static CliCommand Create(CliConsole console)
    {
        var json = CliOptions.Json();
        var command = new CliCommand(
            "doctor",
            "Look for every library and say what is missing or broken. Exit code 1 when something that is there is broken."
        )
        {
            json,
        };
        command.SetAction(parsed => Run(console, parsed.GetValue(json)));
        return command;
    }

    private static int Run(CliConsole console, bool json)
    {
        var libraries = Diagnostics.Libraries();
        var devices = Diagnostics.Devices();
        var broken = libraries.Any(library => library.IsBroken);
        if (json)
            Json.Print(console, Describe(libraries, devices, broken));
        else
            Print(console, libraries, devices, broken);
        return broken ? ExitCode.FoundWrong : ExitCode.Ok;
    }

    private static JsonObject Describe(
        IReadOnlyList<LibraryStatus> libraries,
        IReadOnlyList<DeviceStatus> devices,
        bool broken
    ) =>
        new()
        {
            ["cudanet"] = EngineVersion.Text,
            ["dotnet"] = RuntimeInformation.FrameworkDescription,
            ["system"] = $"{RuntimeInformation.OSDescription} {RuntimeInformation.OSArchitecture}",
            ["cores"] = Environment.ProcessorCount,
            ["vectors"] = Diagnostics.VectorInstructions,
            ["libraries"] = Json.Array(
                libraries.Select(library => new JsonObject
                {
                    ["name"] = library.Name,
                    ["backend"] = library.Backend,
                    ["loaded"] = library.LoadedPath,
                    ["version"] = library.Version,
                    ["kernels"] = library.Kernels,
                    ["looked_for"] = Json.Array(library.Candidates.Select(candidate => candidate.Path)),
                    ["problems"] = Json.Array(library.Problems),
                    ["remedy"] = library.LoadedPath is null || library.IsBroken ? library.Remedy : null,
                })
            ),
            ["devices"] = Json.Array(devices.Select(DevicesCommand.Describe)),
            ["broken"] = broken,
        };

    private static void Print(
        CliConsole console,
        IReadOnlyList<LibraryStatus> libraries,
        IReadOnlyList<DeviceStatus> devices,
        bool broken
    )
    {
        var output = console.Out;
        output.WriteLine($"cudanet   {EngineVersion.Text}");
        output.WriteLine(
            $".NET      {RuntimeInformation.FrameworkDescription} ({RuntimeInformation.RuntimeIdentifier})"
        );
        output.WriteLine($"system    {RuntimeInformation.OSDescription}");
        output.WriteLine($"cpu       {Environment.ProcessorCount} cores, vectors: {Diagnostics.VectorInstructions}");
        foreach (var library in libraries)
        {
            output.WriteLine();
            var state =
                library.IsBroken ? "BROKEN"
                : library.LoadedPath is null ? "not there"
                : "ok";
            output.WriteLine($"{library.Name} (for {library.Backend}): {state}");
            if (library.LoadedPath is { } path)
                output.WriteLine(
                    $"  loaded from {path}{(library.Version is { } version ? $": {version}" : "")}{(library.Kernels > 0 ? $", {library.Kernels} kernels" : "")}"
                );
            else
                foreach (var candidate in library.Candidates)
                    output.WriteLine($"  {(candidate.Exists ? "found" : "looked for")} {candidate.Path}");
            foreach (var problem in library.Problems)
                output.WriteLine($"  wrong: {problem}");
            if (library.LoadedPath is null || library.IsBroken)
                output.WriteLine($"  to do: {library.Remedy}");
        }
        output.WriteLine();
        output.WriteLine($"devices: {string.Join(", ", devices.Where(d => d.IsAvailable).Select(d => d.Name))}");
        output.WriteLine(broken ? "Something that is there does not work; see above." : "What is there works.");
    }
}
