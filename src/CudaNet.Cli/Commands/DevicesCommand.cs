using System.Globalization;
using System.Text.Json.Nodes;

namespace CudaNet.Cli.Commands;

/// <summary><c>cudanet devices</c>: where tensors can live on this machine.</summary>
internal static class DevicesCommand
{
    public static CliCommand Create(CliConsole console)
    {
        var json = CliOptions.Json();
        var command = new CliCommand("devices", "List the devices, and why those that are missing are missing.")
        {
            json,
        };
        command.SetAction(parsed => Run(console, parsed.GetValue(json)));
        return command;
    }

    private static int Run(CliConsole console, bool json)
    {
        var devices = Diagnostics.Devices();
        if (json)
        {
            Json.Print(console, Json.Array(devices.Select(Describe)));
            return ExitCode.Ok;
        }
        foreach (var device in devices)
        {
            var memory =
                device.MemoryBytes > 0
                    ? string.Create(CultureInfo.InvariantCulture, $", {device.MemoryBytes / (double)(1L << 30):F1} GiB")
                    : "";
            var state = device.IsAvailable ? "available" : "missing";
            console.Out.WriteLine($"{device.Name, -8} {state, -10} {device.Description}{memory}");
            if (device.Problem is { } problem)
                console.Out.WriteLine($"{"", -20}{problem}");
        }
        return ExitCode.Ok;
    }

    internal static JsonObject Describe(DeviceStatus device) =>
        new()
        {
            ["name"] = device.Name,
            ["available"] = device.IsAvailable,
            ["description"] = device.Description,
            ["memory_bytes"] = device.MemoryBytes,
            ["problem"] = device.Problem,
        };
}
