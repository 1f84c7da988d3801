namespace CudaNet;

/// <summary>
/// A step whose forward and backward an application defines itself: a fixed-point solve, an adjoint equation, a straight-through
/// estimator. Its backward can be differentiated again when it is written in ops.
/// </summary>
/// <example><code>
/// sealed class Clip : Function
/// {
///     protected override Tensor[] Forward(FunctionContext context, Tensor[] inputs) { … }
///     protected override Tensor?[] Backward(FunctionContext context, Tensor[] gradOutputs) => gradOutputs; // straight through
/// }
/// var y = new Clip().Apply(x)[0];
/// </code></example>
public abstract class Function
{
    /// <summary>Computes the outputs, without a graph. What the backward needs is given to <see cref="FunctionContext.Save"/>.</summary>
    protected abstract Tensor[] Forward(FunctionContext context, Tensor[] inputs);

    /// <summary>One gradient per input, null where there is none, from one gradient per output (zeros where nothing depends on it).</summary>
    protected abstract Tensor?[] Backward(FunctionContext context, Tensor[] gradOutputs);

    /// <summary>Runs the function and records it in the graph.</summary>
    public Tensor[] Apply(params ReadOnlySpan<Tensor> inputs)
    {
        var given = inputs.ToArray();
        var edges = Array.ConvertAll(given, t => Edge.Of(t));
        var context = new FunctionContext(edges);
        Tensor[] outputs;
        using (Autograd.NoGrad())
            outputs = Forward(context, given);
        // An input that is handed through unchanged becomes a view, so that it can have this node without losing its own.
        for (var i = 0; i < outputs.Length; i++)
            if (Array.IndexOf(given, outputs[i]) >= 0)
                outputs[i] = outputs[i].Detach();
        if (Autograd.IsEnabled && edges.Any(e => e.Node is not null))
            Record(context, edges, outputs);
        return outputs;
    }

    private void Record(FunctionContext context, Edge[] edges, Tensor[] outputs)
    {
        var node = new FunctionNode(this, context, edges, outputs);
        for (var i = 0; i < outputs.Length; i++)
        {
            if (!outputs[i].DType.IsFloating)
                continue;
            outputs[i].Node = node;
            outputs[i].OutputIndex = i;
        }
        // Only now: a saved output must know the node that leads to it.
        context.Seal();
    }

    private sealed class FunctionNode : Node
    {
        private readonly Function _function;
        private readonly FunctionContext _context;
        private readonly (Shape, DType, Device)[] _outputs;

        public FunctionNode(Function function, FunctionContext context, Edge[] edges, Tensor[] outputs)
        {
            _function = function;
            _context = context;
            _outputs = Array.ConvertAll(outputs, t => (t.Shape, t.DType, t.Device));
            Edges = edges;
            context.Name = Name;
        }

        public override string Name => _function.GetType().Name;

        public override int OutputCount => _outputs.Length;

        public override (Shape Shape, DType DType, Device Device) OutputSpec(int index) => _outputs[index];

        public override Tensor?[] Backward(Tensor?[] gradOutputs)
        {
            var given = new Tensor[gradOutputs.Length];
            for (var i = 0; i < given.Length; i++)
            {
                var (shape, dtype, device) = _outputs[i];
                given[i] =
                    gradOutputs[i]
                    ?? GraphAlgebra.Current.Fill(shape, dtype.IsFloating ? dtype : DType.Float32, device, 0);
            }
            var gradients = _function.Backward(_context, given);
            return gradients.Length == Edges.Length
                ? gradients
                : throw new AutogradException(
                    $"the backward of '{Name}' returned {gradients.Length} gradients for {Edges.Length} inputs; return one per input, null where there is none"
                );
        }

        public override void ReleaseSaved() => _context.Release();
    }
}

/// <summary>Carries what a <see cref="Function"/>'s forward leaves for its backward.</summary>
public sealed class FunctionContext
{
    private readonly Edge[] _edges;
    private Tensor[] _pending = [];
    private SavedTensor[] _saved = [];
    private bool _released;

    internal FunctionContext(Edge[] edges) => _edges = edges;

    internal string Name { get; set; } = "function";

    /// <summary>Anything else that the backward needs; tensors belong into <see cref="Save"/>.</summary>
    public object? State { get; set; }

    /// <summary>Whether the gradient of this input is wanted.</summary>
    public bool Needs(int input) => _edges[input].Node is not null;

    /// <summary>Keeps tensors, inputs or outputs or others, for the backward.</summary>
    public void Save(params ReadOnlySpan<Tensor> tensors) => _pending = tensors.ToArray();

    /// <summary>The saved tensors, in the order of <see cref="Save"/>.</summary>
    /// <exception cref="AutogradException">A backward pass has been through, or something has written over them.</exception>
    public Tensor[] Saved =>
        _released
            ? throw new AutogradException(
                $"the backward pass has been through '{Name}' before and has dropped what it saved; pass retainGraph: true the first time"
            )
            : Array.ConvertAll(_saved, s => s.Open(Name));

    internal void Seal()
    {
        _saved = Array.ConvertAll(_pending, t => new SavedTensor(t));
        _pending = [];
    }

    internal void Release()
    {
        _released = true;
        for (var i = 0; i < _saved.Length; i++)
            _saved[i].Release();
    }
}
