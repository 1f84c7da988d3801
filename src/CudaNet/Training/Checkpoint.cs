using System.Buffers;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using CudaNet.IO;

namespace CudaNet.Training;

/// <summary>
/// A folder with a safetensors file of the arrays and a JSON file of the rest, which also holds the checksum of the first. It is
/// written under another name and then renamed; the previous one stays until the new one is whole, so that a program killed at any
/// moment leaves one to continue from.
/// </summary>
public static class Checkpoint
{
    private const int Version = 1;
    private const string ArraysFile = "arrays.safetensors";
    private const string ValuesFile = "state.json";
    private const string NewSuffix = ".new";
    private const string OldSuffix = ".old";

    /// <summary>Whether there is a checkpoint to load.</summary>
    public static bool Exists(string folder) => Directory.Exists(folder) || Directory.Exists(folder + OldSuffix);

    /// <summary>Replaces the checkpoint at <paramref name="folder"/>.</summary>
    /// <exception cref="IOException">It cannot be written; the previous one is still there.</exception>
    public static void Save(string folder, TrainingState state)
    {
        Recover(folder);
        var fresh = folder + NewSuffix;
        if (Directory.Exists(fresh))
            Directory.Delete(fresh, recursive: true);
        Directory.CreateDirectory(fresh);
        var arrays = Path.Combine(fresh, ArraysFile);
        Safetensors.Write(arrays, [.. state.AllArrays.Values]);
        AtomicFile.WriteAllBytes(Path.Combine(fresh, ValuesFile), ToJson(state, Checksum(arrays)));
        // From here on the new one is whole: Recover takes it if the old one has already been moved away.
        var old = folder + OldSuffix;
        if (Directory.Exists(folder))
            Directory.Move(folder, old);
        Directory.Move(fresh, folder);
        if (Directory.Exists(old))
            Directory.Delete(old, recursive: true);
    }

    /// <summary>Reads the checkpoint at <paramref name="folder"/>.</summary>
    /// <exception cref="CheckpointException">There is none, or a file of it is missing or damaged.</exception>
    public static TrainingState Load(string folder)
    {
        Recover(folder);
        if (!Directory.Exists(folder))
            throw new CheckpointException(
                $"there is no checkpoint {folder}; train without --resume to begin a new run"
            );
        var values = Path.Combine(folder, ValuesFile);
        var arrays = Path.Combine(folder, ArraysFile);
        foreach (var file in new[] { values, arrays })
            if (!File.Exists(file))
                throw Damaged(file, "the file is missing");
        var document = Parse(values);
        if (
            document["version"] is not JsonValue version
            || !version.TryGetValue<int>(out var number)
            || number != Version
        )
            throw Damaged(values, $"expected a document of version {Version}");
        if (document["arrays_sha256"]?.ToString() != Checksum(arrays))
            throw Damaged(arrays, $"its contents do not have the checksum that {ValuesFile} names");
        if (document["values"] is not JsonObject stored)
            throw Damaged(values, "it has no 'values'");
        var state = new SortedDictionary<string, JsonNode>(StringComparer.Ordinal);
        foreach (var (name, value) in stored)
            state[name] = value?.DeepClone() ?? throw Damaged(values, $"'{name}' is null");
        try
        {
            var read = Safetensors.Read(arrays).Arrays.ToDictionary(array => array.Name, StringComparer.Ordinal);
            return new TrainingState(new(read, StringComparer.Ordinal), state, "");
        }
        catch (CorruptFileException e)
        {
            throw new CheckpointException(e.Message, e);
        }
    }

    /// <summary>Finishes a replacement that was cut short.</summary>
    private static void Recover(string folder)
    {
        var (fresh, old) = (folder + NewSuffix, folder + OldSuffix);
        if (!Directory.Exists(old))
            return;
        // The old one is moved away only when the new one is whole.
        if (!Directory.Exists(folder))
            Directory.Move(Directory.Exists(fresh) ? fresh : old, folder);
        if (Directory.Exists(old))
            Directory.Delete(old, recursive: true);
    }

    private static JsonObject Parse(string file)
    {
        try
        {
            return JsonNode.Parse(File.ReadAllBytes(file)) as JsonObject ?? throw Damaged(file, "it is no JSON object");
        }
        catch (JsonException e)
        {
            throw new CheckpointException(Damaged(file, $"it is no JSON: {e.Message}").Message, e);
        }
    }

    private static byte[] ToJson(TrainingState state, string checksum)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true }))
        {
            writer.WriteStartObject();
            writer.WriteNumber("version", Version);
            writer.WriteString("arrays_sha256", checksum);
            writer.WriteStartObject("values");
            foreach (var (name, value) in state.AllValues)
            {
                writer.WritePropertyName(name);
                value.WriteTo(writer);
            }
            writer.WriteEndObject();
            writer.WriteEndObject();
        }
        return buffer.WrittenSpan.ToArray();
    }

    private static string Checksum(string file)
    {
        using var stream = File.OpenRead(file);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }

    private static CheckpointException Damaged(string file, string what) =>
        new($"{file}: {what}; the checkpoint is damaged: restore a copy of its folder, or train without --resume");
}
