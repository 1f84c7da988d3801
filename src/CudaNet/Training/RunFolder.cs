using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using CudaNet.IO;

namespace CudaNet.Training;

/// <summary>
/// The folder of one training run: <c>config.json</c>, <c>metrics.jsonl</c> (a line per epoch), <c>checkpoint/</c>, with callbacks <c>best/</c> and TensorBoard's events, and, at the end,
/// <c>summary.json</c>, <c>samples.png</c> and <c>report.html</c>. Each file appears whole; nothing that is there already is ever overwritten by another run.
/// </summary>
public sealed class RunFolder
{
    private const string ConfigFile = "config.json";
    private const string MetricsFile = "metrics.jsonl";
    private const string SummaryFile = "summary.json";
    private const string ReportFile = "report.html";
    private const string SamplesFile = "samples.png";
    private const int MaxNumber = 999_999;

    private RunFolder(string path) => Path = path;

    /// <summary>The folder.</summary>
    public string Path { get; }

    /// <summary>Where the checkpoint lies.</summary>
    public string CheckpointPath => System.IO.Path.Combine(Path, "checkpoint");

    /// <summary>Where the weights of the best epoch lie, when <see cref="BestCheckpoint"/> keeps them.</summary>
    public string BestPath => System.IO.Path.Combine(Path, "best");

    /// <summary>The numbers by which the run is judged, once it is finished.</summary>
    public string SummaryPath => File(SummaryFile);

    /// <summary>The metrics, one JSON object per line.</summary>
    public string MetricsPath => File(MetricsFile);

    /// <summary>The page with curves and pictures.</summary>
    public string ReportPath => File(ReportFile);

    /// <summary>Pictures that the trained network made or judged.</summary>
    public string SamplesPath => File(SamplesFile);

    /// <summary>Makes <c>parent/name-001</c>, or the next number that is free.</summary>
    /// <exception cref="RunFolderException">The folder cannot be made.</exception>
    public static RunFolder Create(string parent, string name) =>
        CreateNumbered(System.IO.Path.Combine(parent, name), 1);

    /// <summary>Makes this very folder, or, when it is there and not empty, the first of <c>path-002</c>, … that is free.</summary>
    /// <exception cref="RunFolderException">The folder cannot be made.</exception>
    public static RunFolder CreateAt(string path)
    {
        path = System.IO.Path.TrimEndingDirectorySeparator(System.IO.Path.GetFullPath(path));
        if (Directory.Exists(path) && !Directory.EnumerateFileSystemEntries(path).Any())
            return new RunFolder(path);
        return TryMake(path) ? new RunFolder(path) : CreateNumbered(path, 2);
    }

    /// <summary>A run that was begun before.</summary>
    /// <exception cref="RunFolderException">There is no such folder, or it is no run's.</exception>
    public static RunFolder Open(string path)
    {
        if (!Directory.Exists(path))
            throw new RunFolderException(
                $"there is no run folder {path}; expected one that 'cudanet train' has written"
            );
        var run = new RunFolder(path);
        return System.IO.File.Exists(run.File(ConfigFile))
            ? run
            : throw new RunFolderException($"{path} is no run folder: it has no {ConfigFile}");
    }

    /// <summary>Writes what the run is: recipe, options, versions.</summary>
    public void WriteConfig(JsonObject config) => Write(ConfigFile, config);

    /// <summary>What <see cref="WriteConfig"/> wrote.</summary>
    /// <exception cref="CorruptFileException">The file is damaged.</exception>
    public JsonObject ReadConfig() => Read(ConfigFile);

    /// <summary>Writes the numbers by which the run is judged.</summary>
    public void WriteSummary(JsonObject summary) => Write(SummaryFile, summary);

    /// <summary>What <see cref="WriteSummary"/> wrote.</summary>
    /// <exception cref="CorruptFileException">The file is damaged.</exception>
    public JsonObject ReadSummary() => Read(SummaryFile);

    /// <summary>The length of the metrics in bytes: what a checkpoint remembers.</summary>
    public long MetricsLength => new FileInfo(MetricsPath) is { Exists: true } file ? file.Length : 0;

    /// <summary>Adds a line to the metrics; it is in the file when the call returns.</summary>
    public void AppendMetrics(JsonObject line)
    {
        using var stream = new FileStream(MetricsPath, FileMode.Append, FileAccess.Write, FileShare.Read);
        stream.Write(Encoding.UTF8.GetBytes(ToText(line, indented: false) + "\n"));
    }

    /// <summary>The lines of the metrics. A last line without an end is being written, or was cut short, and is left out.</summary>
    /// <exception cref="CorruptFileException">A line is not what <see cref="AppendMetrics"/> writes.</exception>
    public IReadOnlyList<EpochMetrics> ReadMetrics()
    {
        if (!System.IO.File.Exists(MetricsPath))
            return [];
        var lines = System.IO.File.ReadAllText(MetricsPath).Split('\n')[..^1];
        return [.. lines.Select((line, i) => ReadMetrics(line, i + 1))];
    }

    /// <summary>Takes back the lines that were written after a checkpoint, since its continuation writes them again.</summary>
    public void CutMetrics(long length)
    {
        if (MetricsLength <= length)
            return;
        using var stream = new FileStream(MetricsPath, FileMode.Open, FileAccess.Write);
        stream.SetLength(length);
    }

    /// <summary>A number as JSON holds it; what is not finite becomes a text, since JSON has no such numbers.</summary>
    public static JsonNode Number(double value) =>
        double.IsFinite(value)
            ? JsonValue.Create(value)
            : JsonValue.Create(value.ToString(CultureInfo.InvariantCulture))!;

    private EpochMetrics ReadMetrics(string line, int number)
    {
        JsonObject? document;
        try
        {
            document = JsonNode.Parse(line) as JsonObject;
        }
        catch (JsonException)
        {
            document = null;
        }
        if (document?["epoch"] is not JsonValue epoch || !epoch.TryGetValue<long>(out var count))
            throw Unfit("an object with a number 'epoch'");
        var values = document.Where(property => property.Key != "epoch");
        return new(count, [.. values.Select(property => (property.Key, Value(property.Key, property.Value)))]);

        double Value(string name, JsonNode? node) =>
            node is JsonValue value
            && (
                value.TryGetValue<double>(out var found)
                || value.TryGetValue<string>(out var text)
                    && double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out found)
            )
                ? found
                : throw Unfit($"a number as '{name}'");

        CorruptFileException Unfit(string expected) =>
            new(MetricsPath, $"line {number}", expected, line.Length > 60 ? line[..60] + "…" : line);
    }

    private static RunFolder CreateNumbered(string prefix, int first)
    {
        prefix = System.IO.Path.GetFullPath(prefix);
        for (var number = first; number <= MaxNumber; number++)
        {
            var path = string.Create(CultureInfo.InvariantCulture, $"{prefix}-{number:D3}");
            if (TryMake(path))
                return new RunFolder(path);
        }
        throw new RunFolderException($"{prefix}-001 to -{MaxNumber} are all taken; choose another folder with --out");
    }

    /// <summary>Makes a folder that was not there: renaming is what two programs cannot both succeed in.</summary>
    private static bool TryMake(string path)
    {
        if (Directory.Exists(path) || System.IO.File.Exists(path))
            return false;
        var parent = System.IO.Path.GetDirectoryName(path);
        try
        {
            if (parent is not null)
                Directory.CreateDirectory(parent);
            var temporary = $"{path}.{Guid.NewGuid():N}";
            Directory.CreateDirectory(temporary);
            // On Unix a folder may be renamed onto an empty one, so none of them is.
            System.IO.File.Create(System.IO.Path.Combine(temporary, MetricsFile)).Dispose();
            try
            {
                Directory.Move(temporary, path);
                return true;
            }
            catch (IOException) when (Directory.Exists(path))
            {
                Directory.Delete(temporary, recursive: true);
                return false;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RunFolderException($"cannot make the run folder {path}: {e.Message} Choose another with --out");
        }
    }

    private string File(string name) => System.IO.Path.Combine(Path, name);

    private void Write(string name, JsonObject document) =>
        AtomicFile.WriteAllText(File(name), ToText(document, indented: true) + "\n");

    private JsonObject Read(string name)
    {
        var path = File(name);
        try
        {
            return JsonNode.Parse(System.IO.File.ReadAllBytes(path)) as JsonObject
                ?? throw new CorruptFileException(path, "document", "a JSON object", "something else");
        }
        catch (JsonException e)
        {
            throw new CorruptFileException(path, "document", "JSON", e.Message, inner: e);
        }
    }

    private static string ToText(JsonObject document, bool indented)
    {
        var buffer = new ArrayBufferWriter<byte>();
        var options = new JsonWriterOptions
        {
            Indented = indented,
            Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        };
        using (var writer = new Utf8JsonWriter(buffer, options))
            document.WriteTo(writer);
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }
}
