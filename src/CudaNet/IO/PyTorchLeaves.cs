using System.Globalization;

namespace CudaNet.IO;

/// <summary>From nested dictionaries and lists to names with dots.</summary>
internal sealed class PyTorchLeaves(string source, MemoryBudget budget)
{
    // Structures that people save are a few levels deep; one that holds itself would have no end.
    private const int MaxDepth = 64;

    private readonly Dictionary<string, object> _values = new(StringComparer.Ordinal);
    private readonly List<(string Name, TorchTensor Tensor)> _tensors = [];
    private readonly HashSet<string> _names = new(StringComparer.Ordinal);

    /// <summary>The tensors and plain values within a value.</summary>
    public (IReadOnlyList<(string Name, TorchTensor Tensor)> Tensors, IReadOnlyDictionary<string, object> Values) Of(
        PickleValue root
    )
    {
        Visit("", root, 0);
        return (_tensors, _values);
    }

    private void Visit(string name, PickleValue value, int depth)
    {
        // Each visit is paid for, so that lists that hold each other many times over come to an end as well.
        budget.Take(PickleValue.Size, Unpickler.Where);
        switch (value.Kind)
        {
            case PickleKind.Tensor:
                AddName(name);
                _tensors.Add((name, (TorchTensor)value.Item!));
                break;
            case PickleKind.Dict:
                CheckDepth(name, depth);
                for (var i = 0; i + 1 < value.Sequence!.Count; i += 2)
                {
                    var items = value.Sequence.Items;
                    Visit(Join(name, Key(name, items[i])), items[i + 1], depth + 1);
                }
                break;
            case PickleKind.List or PickleKind.Tuple:
                CheckDepth(name, depth);
                for (var i = 0; i < value.Sequence!.Count; i++)
                    Visit(Join(name, i.ToString(CultureInfo.InvariantCulture)), value.Sequence.Items[i], depth + 1);
                break;
            case PickleKind.Integer:
                AddValue(name, value.Bits);
                break;
            case PickleKind.Real:
                AddValue(name, value.Real);
                break;
            case PickleKind.Bool:
                AddValue(name, value.Bits != 0);
                break;
            case PickleKind.Text or PickleKind.Global:
                AddValue(name, value.Item!);
                break;
        }
    }

    private void AddValue(string name, object value)
    {
        AddName(name);
        budget.Take(4 * PickleValue.ObjectSize, Unpickler.Where);
        _values.Add(name, value);
    }

    private void AddName(string name)
    {
        budget.Take(2 * PickleValue.ObjectSize + 2 * name.Length, Unpickler.Where);
        if (!_names.Add(name))
            throw new CorruptFileException(source, "contents", "each name once", $"'{name}' twice");
    }

    private string Key(string name, PickleValue key) =>
        key.Kind switch
        {
            PickleKind.Text => key.Text!,
            PickleKind.Integer => key.Bits.ToString(CultureInfo.InvariantCulture),
            _ => throw new CorruptFileException(
                source,
                $"dictionary '{name}'",
                "keys that are texts or numbers",
                key.Describe()
            ),
        };

    private string Join(string name, string key)
    {
        budget.Take(PickleValue.ObjectSize + 2L * (name.Length + key.Length + 1), Unpickler.Where);
        return name.Length == 0 ? key : $"{name}.{key}";
    }

    private void CheckDepth(string name, int depth)
    {
        if (depth == MaxDepth)
            throw new CorruptFileException(
                source,
                "contents",
                $"at most {MaxDepth} levels",
                $"more, at '{Short(name)}'"
            );
    }

    private static string Short(string name) => name.Length <= 80 ? name : name[..80] + "…";
}
