using System.Text.Json.Nodes;

namespace CudaNet.Reporting;

/// <summary>The pages that show a run, or compare several.</summary>
public static class RunReport
{
    private const string TestPrefix = "test_";
    private const string LearningRate = "lr";
    private const string CurvesLead =
        "Training values are means over each epoch, while the network learns; test values are taken after it.";

    // How far and how fast, rather than how good: told in numbers, not as curves.
    private static readonly string[] s_notCurves = ["step", "seconds", "items_per_second"];

    /// <summary>The page of one run.</summary>
    /// <param name="run">What its folder tells.</param>
    /// <param name="title">What was trained on what, in one line.</param>
    /// <param name="description">What the recipe is, in a sentence.</param>
    /// <param name="own">What the recipe itself has to show.</param>
    public static ReportPage Of(RunRecord run, string title, string description, IReadOnlyList<ReportSection> own) =>
        new(
            title,
            $"{description} {State(run)}",
            [
                .. run.Results.Select(result => new ReportNumber(
                    Numbers.Words(result.Name),
                    Numbers.ByName(result.Name, result.Value)
                )),
            ],
            [
                new("Curves", CurvesLead, [.. Charts(run)]),
                .. own,
                new("Configuration", null, [Configuration(run)]),
                new("Environment", "Where the run was trained.", [Environment(run)]),
            ]
        );

    /// <summary>A page that lays the curves of several runs over each other.</summary>
    /// <param name="runs">At least one.</param>
    public static ReportPage Comparison(IReadOnlyList<RunRecord> runs)
    {
        var metrics = Curves(runs.SelectMany(run => run.MetricNames).Distinct()).ToList();
        var results = runs.SelectMany(run => run.Results.Select(result => result.Name)).Distinct().ToList();
        var rows = runs.Select(
            IReadOnlyList<string> (run) =>
                [
                    run.Name,
                    .. results.Select(name =>
                        run.Results.Where(result => result.Name == name)
                            .Select(result => Numbers.ByName(name, result.Value))
                            .FirstOrDefault("–")
                    ),
                ]
        );
        var charts = metrics.Select(metric => new LineChart(
            Title(metrics.Contains(TestPrefix + metric) ? $"train {metric}" : metric),
            "epoch",
            [
                .. from run in runs
                let curve = run.Curve(metric)
                where curve.Count > 0
                select new ChartLine(run.Name, curve),
            ],
            Numbers.IsShare(metric)
        ));
        return new(
            $"{runs.Count} runs compared",
            string.Join(", ", runs.Select(run => run.Name)),
            [],
            [
                new("Results", null, [new ReportTable(["run", .. results.Select(Numbers.Words)], [.. rows])]),
                new("Curves", null, [.. charts]),
                new("Configurations", "Options in which the runs differ.", [Differences(runs)]),
            ]
        );
    }

    /// <summary>Training and test values of one metric share a chart.</summary>
    private static IEnumerable<LineChart> Charts(RunRecord run) =>
        from metric in Curves(run.MetricNames)
        group metric by Base(metric) into family
        select new LineChart(
            Title(family.Key),
            "epoch",
            [.. family.Select(metric => new ChartLine(LineName(metric, family.Count()), run.Curve(metric)))],
            Numbers.IsShare(family.Key)
        );

    private static IEnumerable<string> Curves(IEnumerable<string> metrics) => metrics.Except(s_notCurves);

    private static string Base(string metric) =>
        metric.StartsWith(TestPrefix, StringComparison.Ordinal) ? metric[TestPrefix.Length..] : metric;

    private static string LineName(string metric, int together) =>
        metric != Base(metric) ? "test"
        : together > 1 ? "train"
        : Numbers.Words(metric);

    private static string Title(string metric)
    {
        var words = metric == LearningRate ? "learning rate" : Numbers.Words(metric);
        return char.ToUpperInvariant(words[0]) + words[1..];
    }

    private static string State(RunRecord run)
    {
        var place = $"Run {run.Name} on {Text(run.Config, "device")}";
        if (run.Summary is null)
            return $"{place}: not finished, {run.Epochs.Count} epochs so far.";
        return run.Summary["finished"] is { } time ? $"{place}, finished {time}." : $"{place}.";
    }

    private static ReportTable Configuration(RunRecord run) =>
        ReportTable.OfPairs([
            ("recipe", Text(run.Config, "recipe")),
            .. Options(run).Select(option => (option.Key, option.Value?.ToString() ?? "")),
            ("folder", run.Path),
        ]);

    private static ReportTable Environment(RunRecord run) =>
        ReportTable.OfPairs([
            ("CudaNet", Text(run.Config, "version")),
            ("device", Text(run.Config, "device")),
            .. (run.Config["environment"] as JsonObject ?? []).Select(entry =>
                (entry.Key, entry.Value?.ToString() ?? "")
            ),
        ]);

    private static ReportTable Differences(IReadOnlyList<RunRecord> runs)
    {
        var settings = runs.Select(run =>
                Options(run)
                    .Prepend(new("recipe", Text(run.Config, "recipe")))
                    .ToDictionary(o => o.Key, o => o.Value?.ToString() ?? "–")
            )
            .ToList();
        var names = settings.SelectMany(values => values.Keys).Distinct();
        var rows = names
            .Select(name =>
                (Name: name, Values: settings.Select(values => values.GetValueOrDefault(name, "–")).ToList())
            )
            .Where(row => row.Values.Distinct().Count() > 1)
            .Select(IReadOnlyList<string> (row) => [row.Name, .. row.Values]);
        return new(["option", .. runs.Select(run => run.Name)], [.. rows]);
    }

    private static JsonObject Options(RunRecord run) => run.Config["options"] as JsonObject ?? [];

    private static string Text(JsonObject document, string name) => document[name]?.ToString() ?? "unknown";
}
