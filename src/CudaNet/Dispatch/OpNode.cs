namespace CudaNet;

/// <summary>The graph node of an op: its attributes, what its backward needs, and where the gradients go.</summary>
internal sealed class OpNode : Node
{
    private readonly Op _op;
    private readonly TensorSpec[] _inputs;
    private readonly TensorSpec[] _outputs;
    private readonly Device _device;
    private readonly SavedTensor[] _saved;
    private bool _released;

    public OpNode(Op op, ReadOnlySpan<Tensor?> inputs, Attributes attributes, ReadOnlySpan<Tensor?> outputs)
    {
        _op = op;
        Attributes = attributes;
        _device = outputs[0]!.Device;
        _inputs = new TensorSpec[inputs.Length];
        _outputs = new TensorSpec[outputs.Length];
        _saved = new SavedTensor[inputs.Length + outputs.Length];
        var edges = new Edge[inputs.Length];
        var saves = op.Saves;
        for (var i = 0; i < inputs.Length; i++)
        {
            if (inputs[i] is not { } input)
                continue;
            edges[i] = Edge.Of(input);
            _inputs[i] = new(input.Shape, input.DType);
            if (saves.Input(i))
                _saved[i] = new SavedTensor(input);
        }
        Edges = edges;
    }

    public override string Name => _op.Name;

    public override int OutputCount => _outputs.Length;

    public Op Op => _op;

    public Attributes Attributes { get; }

    public void SaveOutputs(ReadOnlySpan<Tensor?> outputs)
    {
        var saves = _op.Saves;
        for (var i = 0; i < outputs.Length; i++)
        {
            if (outputs[i] is not { } output)
                continue;
            _outputs[i] = new(output.Shape, output.DType);
            if (saves.Output(i))
                _saved[_inputs.Length + i] = new SavedTensor(output);
        }
    }

    public TensorSpec InputSpec(int index) => _inputs[index];

    public int InputCount => _inputs.Length;

    public override (Shape Shape, DType DType, Device Device) OutputSpec(int index) =>
        (_outputs[index].Shape!, _outputs[index].DType, _device);

    public Tensor Input(int index)
    {
        if (!_op.Saves.Input(index))
            throw new InvalidOperationException($"{Name} does not declare that its backward needs input {index}");
        return Open(index);
    }

    public Tensor Output(int index)
    {
        if (!_op.Saves.Output(index))
            throw new InvalidOperationException($"{Name} does not declare that its backward needs output {index}");
        return Open(_inputs.Length + index);
    }

    private Tensor Open(int slot) => _saved[slot].Open(Name);

    public override Tensor?[] Backward(Tensor?[] gradOutputs)
    {
        if (_op.NoBackwardReason is { } reason)
            throw new AutogradException($"'{Name}' has no gradient: {reason}; Detach() its inputs if none should flow");
        if (_released)
            throw new AutogradException(
                $"the backward pass has been through '{Name}' before and has dropped what it saved; pass retainGraph: true the first time"
            );
        var call = new BackwardCall(this, gradOutputs);
        _op.Backward(call);
        return call.Results;
    }

    public override void ReleaseSaved()
    {
        _released = true;
        for (var i = 0; i < _saved.Length; i++)
            _saved[i].Release();
    }
}
