using System.Diagnostics.CodeAnalysis;

namespace CudaNet;

/// <summary>Free blocks, by size and by the stream that used them. Its pool's lock guards it.</summary>
internal sealed class BlockArena
{
    private readonly Dictionary<(long Size, nint Stream), Stack<Storage>> _free = [];
    private readonly List<nint> _streams = [];

    /// <summary>Whether its owner is gone, so that nothing returns here.</summary>
    public bool IsClosed { get; set; }

    public void Push(Storage block)
    {
        var key = (block.Capacity, block.Stream);
        if (!_free.TryGetValue(key, out var stack))
        {
            _free[key] = stack = new Stack<Storage>();
            if (!_streams.Contains(block.Stream))
                _streams.Add(block.Stream);
        }
        stack.Push(block);
    }

    /// <summary>A block of this size; rather one that the stream itself has used, as any other makes it wait for that block's streams.</summary>
    public bool TryPop(long size, nint stream, [NotNullWhen(true)] out Storage? block)
    {
        if (TryPopOf(size, stream, out block))
            return true;
        foreach (var other in _streams)
            if (other != stream && TryPopOf(size, other, out block))
                return true;
        return false;
    }

    /// <summary>Empties the arena.</summary>
    public List<Storage> TakeAll()
    {
        var all = _free.Values.SelectMany(stack => stack).ToList();
        _free.Clear();
        _streams.Clear();
        return all;
    }

    private bool TryPopOf(long size, nint stream, [NotNullWhen(true)] out Storage? block)
    {
        block = null;
        return _free.TryGetValue((size, stream), out var stack) && stack.TryPop(out block);
    }
}
