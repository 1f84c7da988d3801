namespace CudaNet;

/// <summary>What an op's backward has to work with, and where it puts the gradients of the inputs.</summary>
public sealed class BackwardCall
{
    private readonly OpNode _node;
    private readonly Tensor?[] _gradOutputs;

    internal BackwardCall(OpNode node, Tensor?[] gradOutputs)
    {
        _node = node;
        _gradOutputs = gradOutputs;
        Results = new Tensor?[node.InputCount];
    }

    internal Tensor?[] Results { get; }

    /// <summary>The attributes of the forward call.</summary>
    public Attributes Attributes => _node.Attributes;

    /// <summary>The number of inputs, lists flattened.</summary>
    public int InputCount => _node.InputCount;

    /// <summary>Whether a gradient has come for this output.</summary>
    public bool HasGradOutput(int index) => _gradOutputs[index] is not null;

    /// <summary>The gradient of an output; zeros when nothing depends on it.</summary>
    public Tensor GradOutput(int index = 0)
    {
        if (_gradOutputs[index] is { } gradient)
            return gradient;
        var (shape, dtype, device) = _node.OutputSpec(index);
        return GraphAlgebra.Current.Fill(shape, dtype, device, 0);
    }

    /// <summary>Whether the gradient of this input is wanted.</summary>
    public bool Needs(int input) => _node.Edges[input].Node is not null;

    /// <summary>The shape of an input.</summary>
    public Shape InputShape(int input) => _node.InputSpec(input).Shape!;

    /// <summary>The dtype of an input.</summary>
    public DType InputDType(int input) => _node.InputSpec(input).DType;

    /// <summary>Whether an optional input was given.</summary>
    public bool Has(int input) => _node.InputSpec(input).Shape is not null;

    /// <summary>A saved input.</summary>
    public Tensor Input(int index) => _node.Input(index);

    /// <summary>A saved input, or null when it was not given.</summary>
    public Tensor? InputOrNull(int index) => Has(index) ? _node.Input(index) : null;

    /// <summary>A saved output.</summary>
    public Tensor Output(int index = 0) => _node.Output(index);

    /// <summary>Sets the gradient of an input.</summary>
    public void Set(int input, Tensor? gradient)
    {
        if (Needs(input))
            Results[input] = gradient;
    }

    /// <summary>A gradient that was set before.</summary>
    public Tensor? Result(int input) => Results[input];

    /// <summary>Differentiates the op's composition at the saved inputs.</summary>
    internal void BackwardOfComposition()
    {
        var op = _node.Op;
        if (!op.HasComposition)
            throw new InvalidOperationException(
                $"{op.Name} has neither a backward nor a composition nor a reason for having none"
            );
        var createGraph = Autograd.IsEnabled;
        using var record = Autograd.EnableGrad();
        var inputs = new Tensor?[InputCount];
        var wanted = new List<Tensor>();
        for (var i = 0; i < inputs.Length; i++)
        {
            if (!Has(i))
                continue;
            // The alias is a node of its own, so that differentiation stops here and not at what made the input.
            inputs[i] =
                !Needs(i) ? Input(i)
                : createGraph ? GraphAlgebra.Current.Alias(Input(i))
                : Leaf(Input(i));
            if (Needs(i))
                wanted.Add(inputs[i]!);
        }
        var outputs = new List<Tensor>();
        var cotangents = new List<Tensor?>();
        var composed = op.Compose(inputs, Attributes);
        for (var i = 0; i < composed.Length; i++)
        {
            if (_gradOutputs[i] is not { } gradient || composed[i] is not { RequiresGrad: true } output)
                continue;
            outputs.Add(output);
            // A handle of its own: the outer pass counts the uses of the gradient, which may serve other edges too.
            cotangents.Add(GraphAlgebra.Current.Alias(gradient));
        }
        if (outputs.Count == 0)
            return;
        var gradients = Autograd.Grad(
            outputs.ToArray(),
            wanted.ToArray(),
            cotangents.ToArray(),
            createGraph,
            allowUnused: true
        );
        for (int i = 0, next = 0; i < inputs.Length; i++)
            if (Needs(i))
                Results[i] = gradients[next++];
    }

    private static Tensor Leaf(Tensor input)
    {
        var leaf = input.Detach();
        leaf.RequiresGrad = true;
        return leaf;
    }
}
