namespace CudaNet.IO;

/// <summary>What a pickled value is.</summary>
internal enum PickleKind
{
    None,
    Bool,
    Integer,
    Real,

    /// <summary><see cref="PickleValue.Item"/> is a string, or bytes read as Latin-1.</summary>
    Text,

    /// <summary><see cref="PickleValue.Item"/> is a <see cref="PickleSequence"/> that no longer changes.</summary>
    Tuple,

    /// <summary><see cref="PickleValue.Item"/> is a <see cref="PickleSequence"/>.</summary>
    List,

    /// <summary><see cref="PickleValue.Item"/> is a <see cref="PickleSequence"/> of keys and values in turn.</summary>
    Dict,

    /// <summary><see cref="PickleValue.Item"/> is the "module name" of a global.</summary>
    Global,

    /// <summary><see cref="PickleValue.Item"/> is a <see cref="TorchStorage"/>.</summary>
    Storage,

    /// <summary><see cref="PickleValue.Item"/> is a <see cref="TorchTensor"/>.</summary>
    Tensor,

    /// <summary>A mark on the stack.</summary>
    Mark,
}

/// <summary>A value as the unpickler holds it; numbers are not boxed, since a file may hold very many.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Bits">A whole number, a truth value (0 or 1), or the bits of a real number.</param>
/// <param name="Item">The object of the other kinds.</param>
internal readonly record struct PickleValue(PickleKind Kind, long Bits = 0, object? Item = null)
{
    /// <summary>Bytes of one value.</summary>
    public const int Size = 24;

    /// <summary>Bytes of an object before its fields, and what else an allocation costs.</summary>
    public const int ObjectSize = 32;

    public static PickleValue Of(string text) => new(PickleKind.Text, Item: text);

    public static PickleValue Of(double real) => new(PickleKind.Real, BitConverter.DoubleToInt64Bits(real));

    public static PickleValue Of(bool truth) => new(PickleKind.Bool, truth ? 1 : 0);

    public static PickleValue Of(long integer) => new(PickleKind.Integer, integer);

    public string? Text => Kind == PickleKind.Text ? (string)Item! : null;

    public string? Global => Kind == PickleKind.Global ? (string)Item! : null;

    public double Real => BitConverter.Int64BitsToDouble(Bits);

    public PickleSequence? Sequence => Item as PickleSequence;

    /// <summary>In words, for messages.</summary>
    public string Describe() =>
        Kind switch
        {
            PickleKind.None => "None",
            PickleKind.Integer => $"the number {Bits}",
            PickleKind.Text => "a text",
            PickleKind.Global => $"'{Global!.Replace(' ', '.')}'",
            _ => $"a {Kind.ToString().ToLowerInvariant()}",
        };
}

/// <summary>The items of a tuple, list or dictionary.</summary>
internal sealed class PickleSequence
{
    private PickleValue[] _items = [];

    public int Count { get; private set; }

    public ReadOnlySpan<PickleValue> Items => _items.AsSpan(0, Count);

    public void Add(ReadOnlySpan<PickleValue> items, MemoryBudget budget)
    {
        if (Count + items.Length > _items.Length)
        {
            var size = Math.Max(Count + items.Length, Count == 0 ? 0 : 2 * Count);
            budget.Take((long)size * PickleValue.Size, Unpickler.Where);
            Array.Resize(ref _items, size);
        }
        items.CopyTo(_items.AsSpan(Count));
        Count += items.Length;
    }
}

/// <summary>A storage that tensors of a PyTorch file are views of.</summary>
/// <param name="Key">Its entry in the archive is <c>data/KEY</c>.</param>
/// <param name="TypeName">The name of PyTorch's class, <c>FloatStorage</c> for example.</param>
/// <param name="Count">How many elements it says to have.</param>
internal sealed record TorchStorage(string Key, string TypeName, long Count);

/// <summary>A tensor of a PyTorch file: a view of a storage, in elements.</summary>
internal sealed record TorchTensor(TorchStorage Storage, long Offset, long[] Shape, long[] Strides);
