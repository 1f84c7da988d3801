using System.Collections;
using System.Runtime.CompilerServices;

namespace CudaNet.Nn;

/// <summary>A module that maps an input to an output. Several tensors travel as tuples or arrays.</summary>
public abstract class Module<TInput, TOutput> : Module
{
    private readonly string _name;
    private readonly HookList<Func<TInput, TInput>> _before = new();
    private readonly HookList<Func<TInput, TOutput, TOutput>> _after = new();

    /// <summary>A module that appears under its type's name on a profiler's timeline.</summary>
    protected Module() => _name = GetType().Name;

    /// <summary>What the module computes.</summary>
    protected abstract TOutput Forward(TInput input);

    /// <summary>Runs <see cref="Forward"/> in a lifetime frame: of the tensors made inside, only the result and what the graph needs stay.</summary>
    public TOutput Call(TInput input)
    {
        using var range = Profiler.Range(_name);
        using var frame = Lifetime.Frame();
        OnEntered();
        foreach (var hook in _before)
            input = hook(input);
        var output = Forward(input);
        foreach (var hook in _after)
            output = hook(input, output);
        OnLeft(output);
        Return(frame, output);
        return output;
    }

    /// <summary>Calls a function before every <see cref="Forward"/>; what it returns becomes the input.</summary>
    /// <returns>Takes the hook away when disposed.</returns>
    public IDisposable RegisterForwardPreHook(Func<TInput, TInput> hook) => _before.Add(hook);

    /// <summary>Calls a function after every <see cref="Forward"/> with its input and output; what it returns becomes the output.
    /// Gradients are seen by <see cref="Tensor.RegisterHook"/> on the output.</summary>
    /// <returns>Takes the hook away when disposed.</returns>
    public IDisposable RegisterForwardHook(Func<TInput, TOutput, TOutput> hook) => _after.Add(hook);

    private static void Return(in LifetimeFrame frame, object? output)
    {
        switch (output)
        {
            case Tensor tensor:
                frame.Return(tensor);
                break;
            case IEnumerable<Tensor?> tensors:
                frame.Return(tensors);
                break;
            case ITuple tuple:
                for (var i = 0; i < tuple.Length; i++)
                    Return(frame, tuple[i]);
                break;
        }
    }
}

/// <summary>Functions in the order in which they were added, each of which can be taken away.</summary>
internal sealed class HookList<T> : IEnumerable<T>
    where T : Delegate
{
    // Replaced as a whole, so that a hook may take itself away while the hooks are being called.
    private (object Key, T Hook)[] _hooks = [];

    public IDisposable Add(T hook)
    {
        var handle = new Handle(this);
        _hooks = [.. _hooks, (handle, hook)];
        return handle;
    }

    public IEnumerator<T> GetEnumerator() => _hooks.Select(entry => entry.Hook).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private sealed class Handle(HookList<T> list) : IDisposable
    {
        public void Dispose() => list._hooks = [.. list._hooks.Where(entry => !ReferenceEquals(entry.Key, this))];
    }
}
