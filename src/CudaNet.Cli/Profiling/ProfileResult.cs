using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;

namespace CudaNet.Cli.Profiling;

/// <summary>What a profile has found, as a table or as JSON.</summary>
/// <param name="Target">The recipe, or the pattern of ops.</param>
/// <param name="Device">Where it ran.</param>
/// <param name="Steps">How many steps, or calls of each case, were recorded.</param>
/// <param name="Warmup">How many went before.</param>
/// <param name="Spans">What was recorded.</param>
internal sealed record ProfileResult(
    string Target,
    Device Device,
    int Steps,
    int Warmup,
    IReadOnlyList<ProfiledSpan> Spans
)
{
    /// <summary>The range that holds everything that is recorded, and by which Nsight is told to do the same.</summary>
    public const string Whole = "profile";

    private double Seconds => Spans.Where(s => s.Kind == ProfiledKind.Range && s.Name == Whole).Sum(s => s.Seconds);

    public string ToText()
    {
        var (rows, inOps) = (ProfileRow.Of(Spans), ProfileRow.TimeInOps(Spans));
        var text = new StringBuilder();
        text.AppendLine(
            Invariant(
                $"{Target} on {Device}: {Steps} steps after {Warmup} to warm up; {Seconds * 1e3:F1} ms, {100 * inOps / Seconds:F1} % of it in ops"
            )
        );
        var width = rows.Select(row => row.Name.Length).Append(5).Max();
        text.AppendLine();
        text.AppendLine(
            Invariant(
                $"{"op".PadRight(width)} {"calls", 8} {"total ms", 11} {"mean us", 10} {"share", 7} {"GB/s", 8} {"GFLOP/s", 9}"
            )
        );
        foreach (var row in rows.Where(row => row.Kind == ProfiledKind.Op))
            text.AppendLine(
                Invariant(
                        $"{row.Name.PadRight(width)} {row.Count, 8} {row.Seconds * 1e3, 11:F3} {row.Mean * 1e6, 10:F1} {Percent(row.Seconds, inOps), 7} {Rate(row.Bytes, row), 8} {Rate(row.Flops, row), 9}"
                    )
                    .TrimEnd()
            );
        text.AppendLine();
        text.AppendLine(
            Invariant($"{"range".PadRight(width)} {"count", 8} {"total ms", 11} {"mean us", 10} {"in ops", 7}")
        );
        foreach (var row in rows.Where(row => row.Kind == ProfiledKind.Range))
            text.AppendLine(
                Invariant(
                    $"{row.Name.PadRight(width)} {row.Count, 8} {row.Seconds * 1e3, 11:F3} {row.Mean * 1e6, 10:F1} {Percent(row.OpSeconds, row.Seconds), 7}"
                )
            );
        return text.ToString().TrimEnd();
    }

    public JsonObject ToJson()
    {
        var (rows, inOps) = (ProfileRow.Of(Spans), ProfileRow.TimeInOps(Spans));
        return new JsonObject
        {
            ["target"] = Target,
            ["device"] = Device.Name,
            ["steps"] = Steps,
            ["warmup"] = Warmup,
            ["seconds"] = Seconds,
            ["seconds_in_ops"] = inOps,
            ["ops"] = Cli.Json.Array(
                rows.Where(row => row.Kind == ProfiledKind.Op)
                    .Select(row => new JsonObject
                    {
                        ["name"] = row.Name,
                        ["calls"] = row.Count,
                        ["seconds"] = row.Seconds,
                        ["mean_seconds"] = row.Mean,
                        ["bytes"] = row.Bytes,
                        ["flops"] = row.Flops,
                    })
            ),
            ["ranges"] = Cli.Json.Array(
                rows.Where(row => row.Kind == ProfiledKind.Range)
                    .Select(row => new JsonObject
                    {
                        ["name"] = row.Name,
                        ["count"] = row.Count,
                        ["seconds"] = row.Seconds,
                        ["mean_seconds"] = row.Mean,
                        ["seconds_in_ops"] = row.OpSeconds,
                    })
            ),
        };
    }

    private static string Percent(double part, double whole) =>
        whole > 0 ? Invariant($"{100 * part / whole:F1} %") : "";

    /// <summary>10⁹ bytes or operations a second; nothing where none are known.</summary>
    private static string Rate(double amount, ProfileRow row) =>
        amount > 0 && row.Seconds > 0 ? Invariant($"{amount / row.Seconds / 1e9:F2}") : "";

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
