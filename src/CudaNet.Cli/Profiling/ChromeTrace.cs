using System.Text.Json.Nodes;

namespace CudaNet.Cli.Profiling;

/// <summary>
/// The Trace Event Format, which chrome://tracing and ui.perfetto.dev show: a track for each thread of the host, and one for each device with a clock of
/// its own.
/// </summary>
internal static class ChromeTrace
{
    private const int HostProcess = 1;
    private const int DeviceProcess = 2;

    public static JsonObject Of(IReadOnlyList<ProfiledSpan> spans, Device device)
    {
        var events = new List<JsonNode?> { Name(HostProcess, "host") };
        if (spans.Any(span => span.DeviceSeconds is not null))
            events.Add(Name(DeviceProcess, device.Name));
        foreach (var span in spans)
        {
            events.Add(Complete(span, HostProcess, span.Thread, span.Start, span.Seconds));
            if (span is { DeviceStart: { } start, DeviceSeconds: { } seconds })
                events.Add(Complete(span, DeviceProcess, 1, start, seconds));
        }
        return new JsonObject { ["traceEvents"] = Json.Array(events), ["displayTimeUnit"] = "ms" };
    }

    private static JsonObject Name(int process, string name) =>
        new()
        {
            ["name"] = "process_name",
            ["ph"] = "M",
            ["pid"] = process,
            ["args"] = new JsonObject { ["name"] = name },
        };

    /// <summary>A "complete" event; its times are in microseconds.</summary>
    private static JsonObject Complete(ProfiledSpan span, int process, int thread, double start, double seconds)
    {
        var result = new JsonObject
        {
            ["name"] = span.Name,
            ["cat"] = span.Kind == ProfiledKind.Op ? "op" : "range",
            ["ph"] = "X",
            ["ts"] = start * 1e6,
            ["dur"] = seconds * 1e6,
            ["pid"] = process,
            ["tid"] = thread,
        };
        if (span.Kind == ProfiledKind.Op)
            result["args"] = new JsonObject { ["bytes"] = span.Bytes, ["flops"] = span.Flops };
        return result;
    }
}
