using System.Globalization;
using System.Text.Json.Nodes;
using CudaNet.IO;

namespace CudaNet.Training;

/// <summary>
/// What a checkpoint holds: arrays and plain values under dotted names. A part of a run sees its own section, so that names of
/// different parts never meet.
/// </summary>
public sealed class TrainingState
{
    // In the order of their names, whenever a part first had something to save.
    private readonly SortedDictionary<string, NamedArray> _arrays;
    private readonly SortedDictionary<string, JsonNode> _values;
    private readonly string _prefix;

    /// <summary>An empty state.</summary>
    public TrainingState()
        : this(new(StringComparer.Ordinal), new(StringComparer.Ordinal), "") { }

    internal TrainingState(
        SortedDictionary<string, NamedArray> arrays,
        SortedDictionary<string, JsonNode> values,
        string prefix
    )
    {
        _arrays = arrays;
        _values = values;
        _prefix = prefix;
    }

    internal IReadOnlyDictionary<string, NamedArray> AllArrays => _arrays;

    internal IReadOnlyDictionary<string, JsonNode> AllValues => _values;

    /// <summary>The part of this state whose names begin with <paramref name="name"/> and a dot.</summary>
    public TrainingState Section(string name) => new(_arrays, _values, $"{_prefix}{name}.");

    /// <summary>The names of this section's arrays, without the section's own.</summary>
    public IEnumerable<string> ArrayNames =>
        _arrays
            .Keys.Where(key => key.StartsWith(_prefix, StringComparison.Ordinal))
            .Select(key => key[_prefix.Length..]);

    /// <summary>Takes everything out of this section: for a part that no longer has what it once saved.</summary>
    public void Clear()
    {
        foreach (var key in _arrays.Keys.Where(IsOwn).ToList())
            _arrays.Remove(key);
        foreach (var key in _values.Keys.Where(IsOwn).ToList())
            _values.Remove(key);

        bool IsOwn(string key) => key.StartsWith(_prefix, StringComparison.Ordinal);
    }

    /// <summary>Adds a copy of a tensor's values; waits for its device.</summary>
    public void Add(string name, Tensor tensor)
    {
        // A trainer saves into the same state again and again: its arrays serve again, instead of leaving megabytes to the collector.
        if (_arrays.TryGetValue(_prefix + name, out var array) && array.IsOf(tensor))
            HostData.CopyTo(tensor, array.Bytes);
        else
            _arrays[_prefix + name] = tensor.ToNamedArray(_prefix + name);
    }

    /// <summary>Adds a whole number.</summary>
    public void Add(string name, long value) => _values[_prefix + name] = JsonValue.Create(value);

    /// <summary>Adds a number; NaN and infinities are kept.</summary>
    public void Add(string name, double value) =>
        _values[_prefix + name] = double.IsFinite(value)
            ? JsonValue.Create(value)
            : JsonValue.Create(value.ToString(CultureInfo.InvariantCulture));

    /// <summary>Adds a word.</summary>
    public void Add(string name, string value) => _values[_prefix + name] = JsonValue.Create(value);

    /// <summary>A stored array.</summary>
    /// <exception cref="CheckpointException">There is none of this name.</exception>
    public NamedArray Array(string name) =>
        _arrays.TryGetValue(_prefix + name, out var array)
            ? array
            : throw new CheckpointException(
                $"the checkpoint has no array '{_prefix}{name}'; it is of another network or version"
            );

    /// <summary>Overwrites a tensor with the stored values.</summary>
    /// <exception cref="CheckpointException">There is no such array, or its shape or dtype differs.</exception>
    public void Restore(string name, Tensor tensor)
    {
        var array = Array(name);
        try
        {
            tensor.CopyFrom(array);
        }
        catch (ShapeException e)
        {
            throw new CheckpointException($"the checkpoint is of another network: {e.Message}", e);
        }
    }

    /// <summary>A stored whole number.</summary>
    /// <exception cref="CheckpointException">There is none of this name.</exception>
    public long Integer(string name) =>
        Value(name) is JsonValue value && value.TryGetValue<long>(out var number)
            ? number
            : throw Unfit(name, "a whole number");

    /// <summary>A stored number.</summary>
    /// <exception cref="CheckpointException">There is none of this name.</exception>
    public double Number(string name)
    {
        if (Value(name) is not JsonValue value)
            throw Unfit(name, "a number");
        if (value.TryGetValue<double>(out var number))
            return number;
        return
            value.TryGetValue<string>(out var text)
            && double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out number)
            ? number
            : throw Unfit(name, "a number");
    }

    /// <summary>A stored word.</summary>
    /// <exception cref="CheckpointException">There is none of this name.</exception>
    public string Text(string name) =>
        Value(name) is JsonValue value && value.TryGetValue<string>(out var text) ? text : throw Unfit(name, "a text");

    private JsonNode Value(string name) =>
        _values.TryGetValue(_prefix + name, out var value)
            ? value
            : throw new CheckpointException(
                $"the checkpoint has no value '{_prefix}{name}'; it is of another network or version"
            );

    private CheckpointException Unfit(string name, string expected) =>
        new($"the checkpoint's '{_prefix}{name}' is not {expected}; it is of another version");
}
