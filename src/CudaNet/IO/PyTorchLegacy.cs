using System.Buffers.Binary;

namespace CudaNet.IO;

/// <summary>
/// The format that <c>torch.save</c> wrote before PyTorch 1.6, of which many published weights still are: pickles one after the other (a mark, a version, the machine, the structure, the
/// names of the storages) and then the storages, each behind its number of elements. Source: <c>_legacy_save</c> of <c>torch/serialization.py</c>.
/// </summary>
internal sealed class PyTorchLegacy(byte[] data, string source, MemoryBudget budget)
{
    private const long Version = 1001;
    private const int CountBytes = sizeof(long);

    private int _at = Magic.Length;

    /// <summary>What such a file begins with: the pickle of the number 0x1950a86a20f9469cfc6c.</summary>
    public static ReadOnlySpan<byte> Magic =>
        [0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, (byte)'.'];

    /// <summary>Reads all tensors and plain values.</summary>
    /// <exception cref="CorruptFileException">The contents break the format, or hold what is not allowed.</exception>
    public PyTorchContents Read()
    {
        var version = Next();
        if (version is not { Kind: PickleKind.Integer, Bits: Version })
            throw Fault("version", $"{Version}", version.Describe());
        CheckMachine(Next());
        var root = Next();
        var keys = Next();
        var (tensors, values) = new PyTorchLeaves(source, budget).Of(root);
        var places = Places(keys, tensors);
        var storages = new PyTorchStorages(
            source,
            budget,
            key => places.TryGetValue(key, out var place) ? data[place] : null
        );
        return new PyTorchContents(storages.Read(tensors), values);
    }

    private PickleValue Next()
    {
        var reader = new Unpickler(data, source, budget, _at);
        var value = reader.Run();
        _at = reader.Position;
        return value;
    }

    private void CheckMachine(PickleValue machine)
    {
        var items = machine.Kind == PickleKind.Dict ? machine.Sequence!.Items : [];
        for (var i = 0; i + 1 < items.Length; i += 2)
            if (items[i].Text == "little_endian" && items[i + 1] is { Kind: PickleKind.Bool, Bits: 1 })
                return;
        throw Fault("byte order", "little_endian", "another", "Save it again on a machine of the usual byte order.");
    }

    /// <summary>Where the bytes of each storage are.</summary>
    private Dictionary<string, Range> Places(PickleValue keys, IReadOnlyList<(string Name, TorchTensor Tensor)> tensors)
    {
        if (keys.Kind != PickleKind.List)
            throw Fault("storages", "a list of their names", keys.Describe());
        var sizes = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var (name, tensor) in tensors)
            sizes[tensor.Storage.Key] = PyTorchStorages.TypeOf(source, name, tensor.Storage).Size;
        var places = new Dictionary<string, Range>(StringComparer.Ordinal);
        foreach (var item in keys.Sequence!.Items)
        {
            if (item.Text is not { } key || !sizes.TryGetValue(key, out var size))
                throw Fault(
                    "storages",
                    "the storage of a tensor",
                    item.Text is { } text ? $"'{text}'" : item.Describe()
                );
            var left = data.Length - _at - CountBytes;
            var count = left < 0 ? 0 : BinaryPrimitives.ReadInt64LittleEndian(data.AsSpan(_at));
            if (left < 0 || count < 0 || count > left / size)
                throw Fault($"offset {_at}", $"a storage of at most {Math.Max(left, 0)} bytes", $"{count} elements");
            _at += CountBytes;
            places[key] = _at..(_at + (int)count * size);
            _at += (int)count * size;
        }
        return places;
    }

    private CorruptFileException Fault(string where, string expected, string found, string? advice = null) =>
        new(source, where, expected, found, advice);
}
