using System.Text.Json.Nodes;

namespace CudaNet.Tests.Cli;

/// <summary>What a run leaves behind, for comparison with another run.</summary>
internal static class RunFiles
{
    public static string CheckpointFolder(string run) => Path.Combine(run, "checkpoint");

    public static byte[] Arrays(string run) =>
        File.ReadAllBytes(Path.Combine(CheckpointFolder(run), "arrays.safetensors"));

    /// <summary>One of the run's JSON files.</summary>
    public static JsonNode Json(string run, string file) => JsonNode.Parse(File.ReadAllText(Path.Combine(run, file)))!;

    /// <summary>The lines of metrics.jsonl without those numbers that depend on the clock.</summary>
    public static List<string> Metrics(string run) =>
        [
            .. File.ReadAllLines(Path.Combine(run, "metrics.jsonl"))
                .Select(line =>
                {
                    var values = JsonNode.Parse(line)!.AsObject();
                    values.Remove("seconds");
                    values.Remove("items_per_second");
                    return values.ToJsonString();
                }),
        ];
}
