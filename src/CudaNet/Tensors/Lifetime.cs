namespace CudaNet;

/// <summary>
/// Lifetime frames give memory back without anybody disposing tensors. Modules and training steps open one; when it ends, the
/// tensors made inside lose their handle, except those returned or kept. Tensors that the graph has saved stay in memory until
/// the backward pass has used them.
/// </summary>
public static class Lifetime
{
    [ThreadStatic]
    private static FrameStack? _stack;

    /// <summary>Opens a frame on this thread: <c>using var frame = Lifetime.Frame();</c></summary>
    public static LifetimeFrame Frame()
    {
        var stack = _stack ??= new FrameStack();
        return new LifetimeFrame(stack, stack.Open());
    }

    /// <summary>Runs <paramref name="body"/> in a frame of its own and hands its result to the surrounding frame.</summary>
    public static Tensor Scope(Func<Tensor> body)
    {
        using var frame = Frame();
        return frame.Return(body());
    }

    /// <summary>Whether a frame is open on this thread.</summary>
    public static bool IsOpen => _stack is { Depth: > 0 };

    internal static void Register(Tensor tensor)
    {
        if (_stack is { Depth: > 0 } stack)
            stack.Add(tensor);
    }

    internal sealed class FrameStack
    {
        private Tensor?[] _items = new Tensor?[64];
        private int _count;

        public int Depth { get; private set; }

        public int Open()
        {
            Depth++;
            return _count;
        }

        public void Add(Tensor tensor)
        {
            if (_count == _items.Length)
                Array.Resize(ref _items, _count * 2);
            tensor.FrameDepth = Depth;
            _items[_count++] = tensor;
        }

        public void Close(int mark)
        {
            Depth--;
            var survivors = mark;
            for (var i = mark; i < _count; i++)
            {
                var tensor = _items[i]!;
                if (tensor.IsReturned)
                {
                    tensor.IsReturned = false;
                    tensor.FrameDepth = Depth;
                    if (Depth > 0)
                        _items[survivors++] = tensor;
                }
                else if (!tensor.IsKept)
                {
                    tensor.ReleaseHandle();
                }
            }
            _items.AsSpan(survivors, _count - survivors).Clear();
            _count = survivors;
        }
    }
}

/// <summary>An open lifetime frame. It belongs to one thread and, being a ref struct, cannot cross an await.</summary>
public ref struct LifetimeFrame
{
    private readonly int _mark;
    private readonly int _thread;
    private readonly int _depth;
    private Lifetime.FrameStack? _stack;

    internal LifetimeFrame(Lifetime.FrameStack stack, int mark) =>
        (_stack, _mark, _depth, _thread) = (stack, mark, stack.Depth, Environment.CurrentManagedThreadId);

    /// <summary>Hands a tensor on to the surrounding frame.</summary>
    public readonly Tensor Return(Tensor tensor)
    {
        // One that an outer frame made (a module that returns its input) is not this frame's to release or to hand on.
        if (tensor.FrameDepth == _depth)
            tensor.IsReturned = true;
        return tensor;
    }

    /// <summary>Hands several tensors on to the surrounding frame.</summary>
    public readonly T Return<T>(T tensors)
        where T : IEnumerable<Tensor?>
    {
        foreach (var tensor in tensors)
            if (tensor is not null)
                Return(tensor);
        return tensors;
    }

    /// <summary>Ends the frame and releases what was made inside and neither returned nor kept.</summary>
    public void Dispose()
    {
        if (_stack is null)
            return;
        if (_thread != Environment.CurrentManagedThreadId)
            throw new InvalidOperationException("a lifetime frame ends on the thread that opened it");
        _stack.Close(_mark);
        _stack = null;
    }
}
