using System.Text.Json;
using System.Text.Json.Nodes;
using CudaNet.Training;

namespace CudaNet.Reporting;

/// <summary>What the folder of a run tells without its network: how it was set up, how it went and how it ended.</summary>
/// <param name="Name">The folder's name.</param>
/// <param name="Path">The folder.</param>
/// <param name="Config">What was trained and where.</param>
/// <param name="Epochs">The metrics of each epoch.</param>
/// <param name="Summary">The final numbers; null when the run has not finished.</param>
public sealed record RunRecord(
    string Name,
    string Path,
    JsonObject Config,
    IReadOnlyList<EpochMetrics> Epochs,
    JsonObject? Summary
)
{
    /// <summary>Reads the files of a run.</summary>
    /// <exception cref="IO.CorruptFileException">A file is damaged; the message names it and the line.</exception>
    public static RunRecord Load(RunFolder folder)
    {
        var path = System.IO.Path.TrimEndingDirectorySeparator(System.IO.Path.GetFullPath(folder.Path));
        return new(
            System.IO.Path.GetFileName(path),
            path,
            folder.ReadConfig(),
            folder.ReadMetrics(),
            File.Exists(folder.SummaryPath) ? folder.ReadSummary() : null
        );
    }

    /// <summary>The names of the metrics, in the order in which they first appear.</summary>
    public IReadOnlyList<string> MetricNames =>
        [.. Epochs.SelectMany(epoch => epoch.Values.Select(value => value.Name)).Distinct()];

    /// <summary>The values of a metric by epoch.</summary>
    public IReadOnlyList<(double X, double Y)> Curve(string metric) =>
        [
            .. from epoch in Epochs
            from value in epoch.Values
            where value.Name == metric
            select ((double)epoch.Epoch, value.Value),
        ];

    /// <summary>The final numbers with their names; those of the last epoch when the run has not finished.</summary>
    public IReadOnlyList<(string Name, double Value)> Results =>
        Summary is null
            ? Epochs is [.., var last]
                ? last.Values
                : []
            :
            [
                .. from property in Summary
                where property.Value?.GetValueKind() == JsonValueKind.Number
                select (property.Key, property.Value!.GetValue<double>()),
            ];
}
