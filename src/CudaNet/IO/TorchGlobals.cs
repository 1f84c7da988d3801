namespace CudaNet.IO;

/// <summary>
/// The names that a pickled state dict may call, each with what it stands for here. This list is all that a file can do.
/// </summary>
/// <param name="reader">Whose step it is.</param>
/// <param name="budget">What memory is taken from.</param>
/// <param name="at">The step's offset, for messages.</param>
internal readonly struct TorchGlobals(Unpickler reader, MemoryBudget budget, int at)
{
    public const string Advice =
        "Only tensors, numbers, texts, lists and dictionaries are read, and nothing is executed: save model.state_dict() instead of the "
        + "model, or convert it with safetensors.torch.save_file.";

    private const int MaxRank = 64;

    /// <summary>A storage, from the persistent id ('storage', class, key, location, count).</summary>
    public PickleValue Storage(PickleValue id)
    {
        var parts = id.Kind == PickleKind.Tuple ? id.Sequence!.Items : [];
        if (
            parts.Length < 5
            || parts[0].Text != "storage"
            || parts[1].Global is not { } type
            || parts[2].Text is not { } key
            || parts[4].Kind != PickleKind.Integer
            || parts[4].Bits < 0
        )
            throw reader.Fault(at, "('storage', class, key, location, count)", id.Describe());
        // Before version 0.4 a storage could be a part of another.
        if (parts.Length > 5 && parts[5].Kind != PickleKind.None)
            throw reader.Fault(at, "a storage of its own", "a part of another", "Save it again with a newer PyTorch.");
        budget.Take(2 * PickleValue.ObjectSize + 2 * type.Length, Unpickler.Where);
        var name = type[(type.LastIndexOfAny([' ', '.']) + 1)..];
        return new(PickleKind.Storage, Item: new TorchStorage(key, name, parts[4].Bits));
    }

    /// <summary>What calling a name gives.</summary>
    public PickleValue Call(string global, ReadOnlySpan<PickleValue> arguments)
    {
        switch (global)
        {
            case "collections OrderedDict" when arguments.IsEmpty:
                budget.Take(PickleValue.ObjectSize, Unpickler.Where);
                return new(PickleKind.Dict, Item: new PickleSequence());
            case "torch._utils _rebuild_tensor_v2" or "torch._utils _rebuild_tensor" when arguments.Length >= 4:
                return Tensor(arguments);
            case "torch._utils _rebuild_parameter"
            or "torch._utils _rebuild_parameter_with_state" when arguments.Length >= 1:
                return arguments[0].Kind == PickleKind.Tensor
                    ? arguments[0]
                    : throw reader.Fault(at, "a parameter's tensor", arguments[0].Describe());
            case "torch Size" when arguments is [{ Kind: PickleKind.Tuple or PickleKind.List }]:
                return new(PickleKind.Tuple, Item: arguments[0].Item);
            case "torch device" when arguments is [{ Kind: PickleKind.Text }, ..]:
                return arguments[0];
            default:
                throw reader.Fault(
                    at,
                    "one of the names that state dicts are made of",
                    $"'{global.Replace(' ', '.')}' with {arguments.Length} arguments",
                    Advice
                );
        }
    }

    /// <summary>A tensor, from (storage, offset, sizes, strides, …).</summary>
    private PickleValue Tensor(ReadOnlySpan<PickleValue> arguments)
    {
        if (arguments[0].Item is not TorchStorage storage)
            throw reader.Fault(at, "a tensor's storage", arguments[0].Describe());
        if (arguments[1] is not { Kind: PickleKind.Integer, Bits: >= 0 })
            throw reader.Fault(at, "a tensor's offset", arguments[1].Describe());
        var shape = Extents(arguments[2], "sizes");
        var strides = Extents(arguments[3], "strides");
        if (shape.Length != strides.Length)
            throw reader.Fault(at, $"a stride for each of {shape.Length} dimensions", $"{strides.Length}");
        budget.Take(2 * PickleValue.ObjectSize, Unpickler.Where);
        return new(PickleKind.Tensor, Item: new TorchTensor(storage, arguments[1].Bits, shape, strides));
    }

    private long[] Extents(PickleValue value, string what)
    {
        if (value.Kind is not (PickleKind.Tuple or PickleKind.List) || value.Sequence!.Count > MaxRank)
            throw reader.Fault(at, $"a tensor's {what}, at most {MaxRank}", value.Describe());
        var items = value.Sequence.Items;
        budget.Take(PickleValue.ObjectSize + items.Length * sizeof(long), Unpickler.Where);
        var extents = new long[items.Length];
        for (var d = 0; d < extents.Length; d++)
        {
            if (items[d] is not { Kind: PickleKind.Integer, Bits: >= 0 })
                throw reader.Fault(at, $"{what} of 0 or more", items[d].Describe());
            extents[d] = items[d].Bits;
        }
        return extents;
    }
}
