namespace CudaNet;

public sealed partial class Tensor
{
    /// <summary>The node that made this tensor, a <see cref="LeafNode"/> for a leaf; null when no gradient is wanted.</summary>
    internal Node? Node { get; set; }

    /// <summary>Which output of <see cref="Node"/> this is.</summary>
    internal int OutputIndex { get; set; }

    /// <summary>How many edges of a running backward pass still wait to use this gradient; 0 when the pass does not own it.</summary>
    internal int PendingUses { get; set; }

    /// <summary>Whether nobody else can see the memory of this gradient, so that a leaf may take it over.</summary>
    internal bool IsExclusive => !IsKept && PendingUses == 1 && IsContiguous && Storage.References == 1;

    /// <summary>Whether gradients flow to this tensor. Setting it makes the tensor a leaf of the graph.</summary>
    /// <exception cref="AutogradException">Not a floating dtype, or set to false on the result of an op.</exception>
    public bool RequiresGrad
    {
        get => Node is not null;
        set
        {
            if (value == RequiresGrad)
                return;
            if (!value && Node is not LeafNode)
                throw new AutogradException(
                    "only a leaf can stop requiring gradients; use Detach() on the result of an op"
                );
            if (value && !DType.IsFloating)
                throw new AutogradException(
                    $"a tensor of dtype {DType.Name} has no gradient; only f32, f64, f16 and bf16 have"
                );
            Node = value ? new LeafNode(Shape, DType) : null;
            OutputIndex = 0;
        }
    }

    /// <summary>Whether it was made by the user rather than by an op that records a graph.</summary>
    public bool IsLeaf => Node is null or LeafNode;

    /// <summary>The gradient that backward passes have added up: of leaves, and of tensors with <see cref="RetainGrad"/>.</summary>
    public Tensor? Grad
    {
        get => Node is LeafNode leaf ? leaf.ShowGradient() : Node?.RetainedGradient(OutputIndex);
        set
        {
            if (Node is not LeafNode leaf)
                throw new AutogradException("only a leaf that requires gradients has a gradient to set");
            if (value is not null && (!value.Shape.Equals(Shape) || value.DType != DType))
                throw new ShapeException($"Grad: expected {Shape} {DType.Name}, got {value.Shape} {value.DType.Name}");
            leaf.SetByUser(value?.Keep());
        }
    }

    /// <summary>A leaf's gradient for the engine's own reading: it does not make the leaf keep it for the user.</summary>
    internal Tensor? LeafGradient => (Node as LeafNode)?.Gradient;

    /// <summary>Keeps the gradient of a tensor that is no leaf, for inspection after the backward pass.</summary>
    public void RetainGrad() => RequireNode("RetainGrad").Retain(OutputIndex);

    /// <summary>Calls <paramref name="hook"/> with the gradient whenever one has been computed for this tensor; what it returns, if not
    /// null, replaces the gradient. Dispose the result to remove the hook.</summary>
    public IDisposable RegisterHook(Func<Tensor, Tensor?> hook) =>
        RequireNode("RegisterHook").AddHook(OutputIndex, hook);

    /// <summary>The same values, shared, outside the graph.</summary>
    public Tensor Detach() => View(Shape, _strides, Offset);

    /// <summary>Runs the backward pass from this tensor; <see cref="Autograd.Backward"/> tells the rest.</summary>
    public void Backward(Tensor? gradient = null, bool retainGraph = false, bool createGraph = false) =>
        Autograd.Backward([this], [gradient], retainGraph, createGraph);

    private Node RequireNode(string caller) =>
        Node
        ?? throw new AutogradException(
            $"{caller}: the tensor of shape {Shape} does not require gradients; set RequiresGrad first"
        );
}
