using System.Globalization;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Text;

namespace CudaNet.Verification;

/// <summary>What one kind of work reached with one number of threads.</summary>
public sealed record PeerVerdict(PeerGoal Goal, int Threads, double Mean, double Least)
{
    /// <summary>The least part of the copying bandwidth, where the goal asks for one and it is known.</summary>
    public double? Share { get; init; }

    /// <summary>Whether the mean, the least row and the part of the bandwidth are where they are to be.</summary>
    public bool IsMet => Mean >= Goal.Mean && Least >= Goal.Each && !(Share < Goal.Share);
}

/// <summary>A comparison as text, JSON and Markdown.</summary>
public sealed class PeerReport(
    IReadOnlyList<PeerResult> results,
    PeerAbout? about,
    PeerBenchOptions options,
    double? copyGbps = null
)
{
    /// <summary>The goals and what was reached, where there is a peer.</summary>
    public IReadOnlyList<PeerVerdict> Verdicts { get; } =
    [
        .. results
            .Where(result => result.Ratio is not null)
            .GroupBy(result => (result.Row.Goal, result.Threads))
            .Select(group => new PeerVerdict(
                group.Key.Goal,
                group.Key.Threads,
                GeometricMean([.. group.Select(result => result.Ratio!.Value)]),
                group.Min(result => result.Ratio!.Value)
            )
            {
                Share = copyGbps is { } copy && group.Key.Goal.Share > 0 ? group.Min(r => r.OursRate) / copy : null,
            }),
    ];

    /// <summary>The n-th root of the product of n numbers.</summary>
    public static double GeometricMean(IReadOnlyCollection<double> values) =>
        Math.Exp(values.Sum(Math.Log) / values.Count);

    /// <summary>Rows, goals, machine and peer as one JSON object.</summary>
    public string ToJson() =>
        Json.Write(writer =>
        {
            writer.WriteStartObject();
            writer.WriteString("machine", Machine);
            writer.WriteString("engine", Engine);
            writer.WriteString("device", DeviceName);
            if (copyGbps is { } copy)
                writer.WriteNumber("copy_gbps", Significant(copy));
            if (about is not null)
            {
                writer.WriteString("peer", about.Version);
                writer.WriteString("blas", about.Blas);
                writer.WriteString("capability", about.Capability);
            }
            writer.WriteNumber("rounds", options.Rounds);
            writer.WriteStartArray("rows");
            foreach (var result in results)
            {
                writer.WriteStartObject();
                writer.WriteString("name", result.Row.Name);
                if (result.Ratio is { } ratio)
                    writer.WriteNumber("ratio", Significant(ratio));
                writer.WriteNumber("ours_ms", Significant(result.OursMs));
                if (result.PeerMs is { } ms)
                    writer.WriteNumber("peer_ms", Significant(ms));
                writer.WriteNumber("threads", result.Threads);
                writer.WriteNumber("ours_rate", Significant(result.OursRate));
                if (result.PeerRate is { } rate)
                    writer.WriteNumber("peer_rate", Significant(rate));
                writer.WriteString("unit", Unit(result.Row.Goal.Rate));
                if (Share(result) is { } share)
                    writer.WriteNumber("share_of_copy", Significant(share));
                if (result.Environment.Length > 0)
                    writer.WriteString("environment", result.Environment);
                writer.WriteEndObject();
            }
            writer.WriteEndArray();
            writer.WriteStartArray("goals");
            foreach (var verdict in Verdicts)
            {
                writer.WriteStartObject();
                writer.WriteString("kind", verdict.Goal.Kind);
                writer.WriteNumber("threads", verdict.Threads);
                writer.WriteNumber("mean", Significant(verdict.Mean));
                writer.WriteNumber("mean_goal", verdict.Goal.Mean);
                writer.WriteNumber("least", Significant(verdict.Least));
                writer.WriteNumber("least_goal", verdict.Goal.Each);
                writer.WriteBoolean("met", verdict.IsMet);
                writer.WriteEndObject();
            }
            writer.WriteEndArray();
            writer.WriteEndObject();
        });

    /// <summary>A table of plain text.</summary>
    public string ToText()
    {
        var text = new StringBuilder(
            Line($"{"ratio", 6} {"", 4}  {"", -40} {"ours ms", 10} {"peer ms", 10} {"ours", 9} {"peer", 9}")
        );
        foreach (var result in results)
            text.Append(
                Line(
                    $"{Ratio(result), 6} {result.Threads, 3}T  {result.Row.Name, -40} {Number(result.OursMs), 10} {Number(result.PeerMs), 10}"
                        + $" {Number(result.OursRate), 9} {Number(result.PeerRate), 9} {UnitAndShare(result)}"
                )
            );
        foreach (var verdict in Verdicts)
            text.Append(Line($"{verdict.Threads}T  {Sentence(verdict)}"));
        return text.ToString();
    }

    /// <summary>The table that is kept in bench/results.</summary>
    /// <param name="command">What was typed.</param>
    /// <param name="date">When.</param>
    public string ToMarkdown(string command, DateTime date)
    {
        var text = new StringBuilder();
        text.Append(Line($"# The {options.Device} device and PyTorch, side by side"));
        text.Append(Line(""));
        text.Append(Line($"- Machine: {Machine}"));
        text.Append(Line($"- Ours: {Engine}"));
        if (options.Device != Device.Cpu)
            text.Append(Line($"- Device: {DeviceName}"));
        if (copyGbps is { } copy)
            text.Append(Line($"- Roof: it copies {Number(copy)} GB/s, read and written"));
        if (about is not null)
            text.Append(Line($"- Peer: {about.Version} with {about.Blas}, {about.Capability}"));
        text.Append(Line($"- Date: {date.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)}"));
        text.Append(
            Line(
                $"- Method: `{command}`; random data, both sides warm, medians of {options.Rounds} rounds in turn (ours, the peer's, ours, …), "
                    + "neither running while the other does; the peer in the environment that is its fastest for the row"
            )
        );
        text.Append(Line("- Ratio: the peer's time over ours; above 1 we are faster"));
        foreach (var threads in results.Select(result => result.Threads).Distinct())
        {
            text.Append(Line(""));
            text.Append(Line($"## {threads} {(threads == 1 ? "thread" : "threads")}"));
            text.Append(Line(""));
            text.Append(Line("| row | ratio | ours, ms | peer, ms | ours | peer | |"));
            text.Append(Line("|---|--:|--:|--:|--:|--:|---|"));
            foreach (var result in results.Where(result => result.Threads == threads))
                text.Append(
                    Line(
                        $"| {result.Row.Name} | {Ratio(result)} | {Number(result.OursMs)} | {Number(result.PeerMs)} | {Number(result.OursRate)} "
                            + $"| {Number(result.PeerRate)} | {UnitAndShare(result)} |"
                    )
                );
            text.Append(Line(""));
            foreach (var verdict in Verdicts.Where(verdict => verdict.Threads == threads))
                text.Append(Line($"- {Sentence(verdict)}"));
        }
        return text.ToString();
    }

    private static string Sentence(PeerVerdict verdict) =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"{verdict.Goal.Kind}: geometric mean {verdict.Mean:F2} (goal {verdict.Goal.Mean:F1}), least {verdict.Least:F2} (goal {verdict.Goal.Each:F1}){ShareSentence(verdict)}: {(verdict.IsMet ? "met" : "not met")}"
        );

    private static string ShareSentence(PeerVerdict verdict) =>
        verdict.Share is { } share
            ? string.Create(
                CultureInfo.InvariantCulture,
                $", least {share:P0} of what it copies (goal {verdict.Goal.Share:P0})"
            )
            : "";

    private double? Share(PeerResult result) =>
        result.Row.Goal.Rate == PeerRate.Gbps ? result.OursRate / copyGbps : null;

    private string UnitAndShare(PeerResult result) =>
        Unit(result.Row.Goal.Rate)
        + (Share(result) is { } share ? string.Create(CultureInfo.InvariantCulture, $", {share:P0} of copying") : "");

    private string DeviceName =>
        Diagnostics.Devices().FirstOrDefault(device => device.Name == options.Device.Name)?.Description
        ?? options.Device.Name;

    private static string Line(string text) => text.TrimEnd() + "\n";

    private static string Ratio(PeerResult result) => result.Ratio?.ToString("F2", CultureInfo.InvariantCulture) ?? "";

    private static string Number(double? value) => value?.ToString("G4", CultureInfo.InvariantCulture) ?? "";

    private static double Significant(double value) =>
        double.Parse(value.ToString("G5", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);

    private static string Unit(PeerRate rate) =>
        rate switch
        {
            PeerRate.Gflops => "GFLOP/s",
            PeerRate.Gbps => "GB/s",
            _ => "calls/s",
        };

    private static string Engine =>
        $"CudaNet {typeof(Tensor).Assembly.GetName().Version?.ToString(3)} on {RuntimeInformation.FrameworkDescription}, "
        + $"{(Vector512.IsHardwareAccelerated ? "AVX-512" : Vector256.IsHardwareAccelerated ? "AVX2" : "128-bit vectors")}";

    private static string Machine => $"{Processor()}, {CpuThreads.Available} processors";

    private static string Processor()
    {
        const string File = "/proc/cpuinfo";
        var line = System.IO.File.Exists(File)
            ? System.IO.File.ReadLines(File).FirstOrDefault(l => l.StartsWith("model name", StringComparison.Ordinal))
            : null;
        return line?.Split(':', 2)[1].Trim() ?? RuntimeInformation.ProcessArchitecture.ToString();
    }
}
