using System.Diagnostics;
using System.IO.Enumeration;
using System.Text.Json;

namespace CudaNet.Verification;

/// <summary>Runs the cases of many ops: what <c>cudanet check</c> and the test fixtures do.</summary>
public static class CheckRunner
{
    /// <summary>The cases that the options choose, benchmark sizes left out, in the order of the registry.</summary>
    /// <exception cref="AttributeException">No op or case has such a name.</exception>
    public static IReadOnlyList<OpCase> Select(CheckOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return Select(options.Op, options.Case, benchmarks: false);
    }

    internal static IReadOnlyList<OpCase> Select(string? pattern, string? name, bool benchmarks)
    {
        var patterns = pattern?.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        var ops = Registry.All.Where(op =>
            patterns is null || patterns.Any(p => FileSystemName.MatchesSimpleExpression(p, op.Name))
        );
        if (name is not null)
        {
            var of = name.Split('(')[0];
            ops = [Registry.Find(of)];
        }
        var cases = ops.SelectMany(op => op.Cases())
            .Where(c => name is null ? c.IsBenchmark == benchmarks : c.Name == name)
            .ToList();
        if (cases.Count > 0)
            return cases;
        throw new AttributeException(
            name is null
                ? $"no op matches '{pattern}'; {Suggestions.For(pattern ?? "", Registry.All.Select(op => op.Name))}'cudanet op --list' shows all of them"
                : $"there is no case '{name}'; {Suggestions.For(name, ops.SelectMany(op => op.Cases()).Select(c => c.Name))}'cudanet check --list' shows all of them"
        );
    }

    /// <summary>Runs the chosen cases, each with each seed and variant.</summary>
    /// <exception cref="AttributeException">No op or case has such a name.</exception>
    /// <exception cref="DeviceException">A schedule is asked of a device that is not simt.</exception>
    public static CheckSummary Run(
        CheckOptions options,
        ICheckReporter? reporter = null,
        CancellationToken cancel = default
    )
    {
        ArgumentNullException.ThrowIfNull(options);
        return Run(Select(options), options, reporter, cancel);
    }

    internal static CheckSummary Run(
        IReadOnlyList<OpCase> cases,
        CheckOptions options,
        ICheckReporter? reporter = null,
        CancellationToken cancel = default
    )
    {
        using var kernels = Engine.UseKernels(options.Kernels);
        var watch = Stopwatch.StartNew();
        var runs = (
            from opCase in cases
            from variant in Variants(options, opCase.Op)
            from seed in options.Seeds
            select (opCase, variant, seed)
        ).ToList();
        reporter?.Starting(runs.Count);
        var failures = new List<CaseResult>();
        var refused = new Dictionary<(string Op, int Variant), CaseResult?>();
        var done = 0;
        if (options.Simt is { } simt)
            Configure(options.Device, simt);
        try
        {
            foreach (var (opCase, variant, seed) in runs)
            {
                cancel.ThrowIfCancellationRequested();
                var result = Checker.Run(opCase, options.Device, variant, seed, options.Gradients, options.Repeats);
                done++;
                Note(refused, result);
                if (!result.Passed)
                    failures.Add(result);
                reporter?.Finished(result);
                if (options.FailFast && !result.Passed)
                    break;
            }
        }
        finally
        {
            if (options.Simt is not null)
                Configure(options.Device, new SimtOptions());
        }
        // One case may be too large for a variant; a variant that takes none at all is not tested, or broken.
        if (options.Case is null && !cancel.IsCancellationRequested && done == runs.Count)
            foreach (var none in refused.Values.OfType<CaseResult>())
                failures.Add(none with { Failures = [$"this variant takes no case at all: {none.Refused}"] });
        return new(done, failures.Count, watch.Elapsed.TotalSeconds, failures);
    }

    /// <summary>Keeps one refusal of each variant, until a case is taken.</summary>
    private static void Note(Dictionary<(string Op, int Variant), CaseResult?> refused, CaseResult result)
    {
        var key = (result.Op, result.Variant);
        if (result.Refused is null)
            refused[key] = null;
        else
            refused.TryAdd(key, result);
    }

    internal static IEnumerable<int> Variants(CheckOptions options, Op op)
    {
        if (!options.AllVariants)
            return [options.Variant];
        var numbered = options.Device is NativeDevice native ? native.VariantsOf(op.Name).Count : 0;
        return Enumerable.Range(0, numbered + 1);
    }

    internal static unsafe void Configure(Device device, SimtOptions simt)
    {
        if (device is not NativeDevice { Backend: "simt" } native)
            throw new DeviceException($"only simt has schedules to choose, not {device}");
        var config = new CnSimtConfig
        {
            Workers = simt.Workers,
            Defer = simt.Defer ? 1 : 0,
            ScheduleSeed = simt.ScheduleSeed,
        };
        native.Synchronize();
        native.Api.Check(native.Api.SimtConfigure(&config), "configuring simt");
        native.Api.SimtLimitGrids(simt.LargestGrid);
    }

    /// <summary>What would be checked, as JSON: for each op its family, its variants on the device, and the number of cases by dtype.</summary>
    /// <exception cref="AttributeException">No op or case has such a name.</exception>
    public static string ListToJson(CheckOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return Json.Write(writer =>
        {
            writer.WriteStartObject();
            writer.WriteString("device", options.Device.ToString());
            writer.WriteStartArray("ops");
            foreach (var cases in Select(options).GroupBy(c => c.Op))
                WriteOp(writer, cases.Key, options.Device, cases);
            writer.WriteEndArray();
            writer.WriteEndObject();
        });
    }

    private static void WriteOp(Utf8JsonWriter writer, Op op, Device device, IEnumerable<OpCase> cases)
    {
        writer.WriteStartObject();
        writer.WriteString("family", op.Family);
        writer.WriteString("op", op.Name);
        writer.WriteStartArray("variants");
        if (device is NativeDevice native)
            foreach (var variant in native.VariantsOf(op.Name))
                writer.WriteStringValue(variant);
        writer.WriteEndArray();
        writer.WriteStartObject("cases");
        foreach (var dtype in cases.CountBy(c => c.DType))
            writer.WriteNumber(dtype.Key.Name, dtype.Value);
        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    /// <summary>The summary as JSON: counts, and each failure with its case, variant, seed, lines and replay command.</summary>
    public static string ToJson(CheckSummary summary)
    {
        ArgumentNullException.ThrowIfNull(summary);
        return Json.Write(writer =>
        {
            writer.WriteStartObject();
            writer.WriteNumber("cases", summary.Cases);
            writer.WriteNumber("failed", summary.Failed);
            writer.WriteNumber("seconds", Math.Round(summary.Seconds, 3));
            writer.WriteStartArray("failures");
            foreach (var failure in summary.Failures)
                Write(writer, failure);
            writer.WriteEndArray();
            writer.WriteEndObject();
        });
    }

    private static void Write(Utf8JsonWriter writer, CaseResult result)
    {
        writer.WriteStartObject();
        writer.WriteString("case", result.Case);
        writer.WriteString("device", result.Device);
        writer.WriteNumber("variant", result.Variant);
        writer.WriteNumber("seed", result.Seed);
        writer.WriteStartArray("errors");
        foreach (var line in result.Failures)
            writer.WriteStringValue(line);
        writer.WriteEndArray();
        writer.WriteString("replay", result.Replay);
        writer.WriteEndObject();
    }
}
