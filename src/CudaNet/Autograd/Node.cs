namespace CudaNet;

/// <summary>
/// A step of the recorded graph. Sequence numbers grow with every node, and a node's inputs exist before it does: so the graph
/// has no cycles by construction, and taking nodes by falling number is a topological order.
/// </summary>
internal abstract class Node
{
    private static long _lastSequence;
    private List<Hook>? _hooks;
    private Tensor?[]? _retained;

    /// <summary>What the node is called in messages.</summary>
    public abstract string Name { get; }

    public long Sequence { get; } = Interlocked.Increment(ref _lastSequence);

    /// <summary>Where the gradient of each input goes; a default edge where none is wanted.</summary>
    public Edge[] Edges { get; protected init; } = [];

    public abstract int OutputCount { get; }

    /// <summary>Turns gradients of the outputs (null = zero) into gradients of the inputs (null = none).</summary>
    public abstract Tensor?[] Backward(Tensor?[] gradOutputs);

    /// <summary>Drops what was saved; a later backward pass through this node is an error.</summary>
    public virtual void ReleaseSaved() { }

    public abstract (Shape Shape, DType DType, Device Device) OutputSpec(int index);

    public bool HasHooks => _hooks is not null || _retained is not null;

    public IDisposable AddHook(int output, Func<Tensor, Tensor?> function)
    {
        var hook = new Hook(this, output, function);
        (_hooks ??= []).Add(hook);
        return hook;
    }

    public void Retain(int output) => _retained ??= new Tensor?[Math.Max(OutputCount, output + 1)];

    public Tensor? RetainedGradient(int output) => _retained?[output];

    /// <summary>Runs the hooks of one output, in the order in which they were added, and stores a retained gradient.</summary>
    public Tensor ApplyHooks(int output, Tensor gradient)
    {
        if (_hooks is not null)
            foreach (var hook in _hooks.ToArray())
                if (hook.Output == output)
                    gradient = hook.Function(gradient) ?? gradient;
        if (_retained is not null)
            _retained[output] = gradient.Keep();
        return gradient;
    }

    private sealed class Hook(Node node, int output, Func<Tensor, Tensor?> function) : IDisposable
    {
        public int Output { get; } = output;

        public Func<Tensor, Tensor?> Function { get; } = function;

        public void Dispose()
        {
            node._hooks?.Remove(this);
            if (node._hooks is { Count: 0 })
                node._hooks = null;
        }
    }
}

/// <summary>An input of a node: the node that made it and which of its outputs it is.</summary>
internal readonly record struct Edge(Node? Node, int Output)
{
    public static Edge Of(Tensor? tensor) => tensor?.Node is { } node ? new(node, tensor.OutputIndex) : default;
}

/// <summary>The end of the graph: adds gradients up for a leaf tensor.</summary>
internal sealed class LeafNode(Shape shape, DType dtype) : Node
{
    private Tensor? _gradient;
    private bool _isShown;

    public override string Name => "leaf";

    public override int OutputCount => 1;

    /// <summary>
    /// The sum so far. Setting it gives the previous one's memory back at once, unless the user has been shown it and may still hold it:
    /// a training step that drops its gradients must not wait for the garbage collector.
    /// </summary>
    public Tensor? Gradient
    {
        get => _gradient;
        set
        {
            if (ReferenceEquals(value, _gradient))
                return;
            if (!_isShown)
                _gradient?.ReleaseHandle();
            (_gradient, _isShown) = (value, false);
        }
    }

    /// <summary>The gradient for the user, who may keep it.</summary>
    public Tensor? ShowGradient()
    {
        _isShown = true;
        return _gradient;
    }

    /// <summary>Sets the user's own tensor as the gradient.</summary>
    public void SetByUser(Tensor? gradient)
    {
        Gradient = gradient;
        _isShown = true;
    }

    public override (Shape Shape, DType DType, Device Device) OutputSpec(int index) => (shape, dtype, Device.Default);

    public override Tensor?[] Backward(Tensor?[] gradOutputs) => [];

    public void Accumulate(Tensor gradient)
    {
        if (Gradient is not null && EngineState.Current.Capture is { } capture)
            capture.RequireOwn(Gradient, "the gradient that the backward pass adds to");
        if (Gradient is not null)
            Gradient = GraphAlgebra.Current.Add(Gradient, gradient).Keep();
        else
            // A gradient that something else can see must not change when the user scales this one in place.
            Gradient = (
                gradient.IsExclusive || gradient.RequiresGrad ? gradient : GraphAlgebra.Current.Copy(gradient)
            ).Keep();
    }
}

/// <summary>The few things that the graph itself computes, supplied by the ops above it.</summary>
internal interface IGraphAlgebra
{
    Tensor Add(Tensor a, Tensor b);

    /// <summary>A contiguous copy.</summary>
    Tensor Copy(Tensor tensor);

    /// <summary>The same tensor as the output of a node of its own.</summary>
    Tensor Alias(Tensor tensor);

    Tensor Cast(Tensor tensor, DType dtype);

    Tensor Fill(Shape shape, DType dtype, Device device, double value);
}

internal static class GraphAlgebra
{
    public static IGraphAlgebra Current { get; set; } = null!;
}
