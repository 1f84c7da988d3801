namespace CudaNet;

/// <summary>One run through the graph, from outputs towards leaves. No recursion: a queue ordered by falling sequence number.</summary>
internal sealed class BackwardPass(bool retainGraph, bool createGraph)
{
    private readonly Dictionary<Node, Tensor?[]> _pending = [];
    private readonly PriorityQueue<Node, long> _queue = new();
    private HashSet<Node>? _needed;
    private Dictionary<Edge, List<int>>? _targets;
    private Tensor?[] _results = [];

    public void RunToLeaves(ReadOnlySpan<Tensor> outputs, ReadOnlySpan<Tensor?> gradOutputs) =>
        Run(outputs, gradOutputs);

    public Tensor?[] RunToInputs(
        ReadOnlySpan<Tensor> outputs,
        ReadOnlySpan<Tensor> inputs,
        ReadOnlySpan<Tensor?> gradOutputs
    )
    {
        _targets = [];
        _results = new Tensor?[inputs.Length];
        for (var i = 0; i < inputs.Length; i++)
        {
            var edge = Edge.Of(inputs[i]);
            if (edge.Node is null)
                throw new AutogradException($"Grad: input {i} of shape {inputs[i].Shape} does not require gradients");
            if (!_targets.TryGetValue(edge, out var indices))
                _targets[edge] = indices = [];
            indices.Add(i);
        }
        _needed = NodesThatReachTargets(outputs);
        Run(outputs, gradOutputs);
        return _results;
    }

    private void Run(ReadOnlySpan<Tensor> outputs, ReadOnlySpan<Tensor?> gradOutputs)
    {
        if (!gradOutputs.IsEmpty && gradOutputs.Length != outputs.Length)
            throw new AutogradException($"Backward: {outputs.Length} outputs but {gradOutputs.Length} cotangents");
        using var range = Profiler.Range("backward");
        // The dtypes are those of the forward pass: what it has cast is cast back.
        using var mode = EngineState.Enter(EngineState.Current with { GradEnabled = createGraph, Autocast = null });
        for (var i = 0; i < outputs.Length; i++)
        {
            var output = outputs[i];
            var edge = Edge.Of(output);
            if (edge.Node is null)
                throw new AutogradException(
                    $"Backward: output {i} of shape {output.Shape} does not require gradients: no input of its graph does"
                );
            Deliver(edge, Cotangent(output, gradOutputs.IsEmpty ? null : gradOutputs[i], i));
        }
        while (_queue.TryDequeue(out var node, out _))
            Step(node);
    }

    private static Tensor Cotangent(Tensor output, Tensor? given, int index)
    {
        if (given is null)
        {
            if (output.NumElements != 1)
                throw new AutogradException(
                    $"Backward: output {index} has shape {output.Shape}; only a scalar needs no cotangent, pass one of the same shape"
                );
            return GraphAlgebra.Current.Fill(output.Shape, output.DType, output.Device, 1);
        }
        if (!given.Shape.Equals(output.Shape) || given.DType != output.DType)
            throw new ShapeException(
                $"Backward: output {index} is {output.Shape} {output.DType.Name}, its cotangent {given.Shape} {given.DType.Name}"
            );
        return given;
    }

    private void Step(Node node)
    {
        _pending.Remove(node, out var gradients);
        for (var i = 0; i < gradients!.Length; i++)
        {
            if (gradients[i] is not { } gradient)
                continue;
            if (node.HasHooks)
                gradients[i] = gradient = node.ApplyHooks(i, gradient);
            Collect(new Edge(node, i), gradient);
        }
        if (node is LeafNode leaf)
        {
            if (_targets is null)
                leaf.Accumulate(gradients[0]!);
            return;
        }
        if (_needed is not null && !_needed.Contains(node))
            return;
        var gradInputs = Differentiate(node, gradients);
        for (var i = 0; i < gradInputs.Length; i++)
            if (gradInputs[i] is { } gradient && node.Edges[i].Node is not null)
                Deliver(node.Edges[i], gradient);
        foreach (var gradient in gradients)
            if (gradient is not null)
                Used(gradient);
        if (!retainGraph)
            node.ReleaseSaved();
    }

    /// <summary>A gradient has served one edge; after the last one its memory goes back, as the next nodes need theirs.</summary>
    private void Used(Tensor gradient)
    {
        if (gradient.PendingUses > 0 && --gradient.PendingUses == 0 && !createGraph && !gradient.IsKept)
            gradient.ReleaseHandle();
    }

    /// <summary>Runs a node's backward in a frame of its own, which only the gradients outlive.</summary>
    private static Tensor?[] Differentiate(Node node, Tensor?[] gradients)
    {
        using var frame = Lifetime.Frame();
        var gradInputs = node.Backward(gradients);
        // All uses are counted before the first is over: one tensor may be the gradient of several inputs.
        for (var i = 0; i < gradInputs.Length; i++)
            Claim(node, i, gradInputs[i], frame);
        return gradInputs;
    }

    private static void Claim(Node node, int input, Tensor? gradient, scoped in LifetimeFrame frame)
    {
        if (gradient is null || node.Edges[input].Node is null)
            return;
        CheckGradient(node, input, gradient);
        frame.Return(gradient);
        // Only what this pass has made may be released once it is used: a Function may return a tensor of the user's. A gradient
        // that is passed on unchanged has one more edge to serve.
        if (gradient.IsReturned || gradient.PendingUses > 0)
            gradient.PendingUses++;
    }

    private static void CheckGradient(Node node, int input, Tensor gradient)
    {
        var edge = node.Edges[input];
        var (shape, dtype, _) = edge.Node!.OutputSpec(edge.Output);
        if (!gradient.Shape.Equals(shape) || gradient.DType != dtype)
            throw new ShapeException(
                $"the backward of '{node.Name}' gave input {input} a gradient of {gradient.Shape} {gradient.DType.Name}; "
                    + $"expected {shape} {dtype.Name}, as the input"
            );
    }

    private void Deliver(Edge edge, Tensor gradient)
    {
        var node = edge.Node!;
        if (_needed is not null && !_needed.Contains(node) && !_targets!.ContainsKey(edge))
        {
            Used(gradient);
            return;
        }
        if (!_pending.TryGetValue(node, out var gradients))
        {
            _pending[node] = gradients = new Tensor?[node.OutputCount];
            _queue.Enqueue(node, -node.Sequence);
        }
        ref var slot = ref gradients[edge.Output];
        if (slot is null)
        {
            slot = gradient;
            return;
        }
        var sum = GraphAlgebra.Current.Add(slot, gradient);
        sum.PendingUses = 1;
        Used(slot);
        Used(gradient);
        slot = sum;
    }

    private void Collect(Edge edge, Tensor gradient)
    {
        if (_targets is null || !_targets.TryGetValue(edge, out var indices))
            return;
        foreach (var i in indices)
        {
            _results[i] = gradient;
            gradient.PendingUses = 0;
        }
    }

    /// <summary>The nodes through which a target can be reached; the others need no backward.</summary>
    private HashSet<Node> NodesThatReachTargets(ReadOnlySpan<Tensor> outputs)
    {
        var seen = new HashSet<Node>();
        var stack = new Stack<Node>();
        foreach (var output in outputs)
            if (output.Node is { } node && seen.Add(node))
                stack.Push(node);
        while (stack.TryPop(out var node))
            foreach (var edge in node.Edges)
                if (edge.Node is { } next && seen.Add(next))
                    stack.Push(next);
        // Inputs first, so that one sweep sees each node after everything it leads to.
        var needed = new HashSet<Node>();
        foreach (var node in seen.OrderBy(n => n.Sequence))
        foreach (var edge in node.Edges)
            if (edge.Node is not null && (_targets!.ContainsKey(edge) || needed.Contains(edge.Node)))
                needed.Add(node);
        return needed;
    }
}
