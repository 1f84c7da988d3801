namespace CudaNet;

public static partial class Autograd
{
    /// <summary>
    /// Runs a segment without keeping what its backward needs, and computes it again during the backward pass: memory for time
    /// (Chen et al. 2016). Gradients are bit-equal to those without checkpointing, random draws included, and to any order.
    /// </summary>
    /// <param name="segment">A function of its inputs and of parameters; it is called once now and once in the backward pass.</param>
    /// <param name="inputs">The inputs, which are kept.</param>
    public static Tensor[] Checkpoint(Func<Tensor[], Tensor[]> segment, params ReadOnlySpan<Tensor> inputs)
    {
        if (!IsEnabled)
            return segment(inputs.ToArray());
        var store = new CheckpointedSegment(segment, inputs.ToArray());
        using (EngineState.Enter(EngineState.Current with { SavedTensors = store }))
            return segment(inputs.ToArray());
    }

    /// <inheritdoc cref="Checkpoint(Func{Tensor[], Tensor[]}, ReadOnlySpan{Tensor})"/>
    public static Tensor Checkpoint(Func<Tensor, Tensor> segment, Tensor input) =>
        Checkpoint(x => [segment(x[0])], input)[0];
}

/// <summary>
/// Stands in for the saved tensors of a segment: remembers only which graph edge each had, and computes all values when the first is
/// asked for. Saving happens in the same order both times, so a position identifies a tensor.
/// </summary>
internal sealed class CheckpointedSegment : ISavedTensorStore
{
    private readonly Func<Tensor[], Tensor[]> _segment;
    private readonly Tensor[] _inputs;
    private readonly EngineState _state;
    private readonly Dictionary<IRandomState, long> _draws = [];
    private readonly List<Edge> _edges = [];
    private Recorder? _values;
    private int _live;

    public CheckpointedSegment(Func<Tensor[], Tensor[]> segment, Tensor[] inputs)
    {
        _segment = segment;
        _inputs = Array.ConvertAll(inputs, t => t.Hold());
        _state = EngineState.Current;
    }

    public int Store(Tensor tensor)
    {
        _edges.Add(new Edge(tensor.Node, tensor.OutputIndex));
        _live++;
        return _edges.Count - 1;
    }

    public Tensor Restore(int key)
    {
        _values ??= Recompute();
        var value = _values.Tensors[key];
        // The values are those of the second run, the place in the graph is that of the first.
        var tensor = value.View(value.Shape, value.StrideArray, value.Offset);
        (tensor.Node, tensor.OutputIndex) = _edges[key];
        return tensor;
    }

    public void Release(int key)
    {
        if (--_live > 0)
            return;
        foreach (var tensor in _values?.Tensors ?? [])
            tensor.ReleaseHandle();
        _values = null;
        foreach (var input in _inputs)
            input.ReleaseHandle();
    }

    /// <summary>Only the first draw counts: from there on the second run draws the same as the first.</summary>
    public void Drew(IRandomState generator, long position) => _draws.TryAdd(generator, position);

    private static void Rewind(Dictionary<IRandomState, long> positions)
    {
        foreach (var (generator, position) in positions)
            generator.Position = position;
    }

    private Recorder Recompute()
    {
        var recorder = new Recorder();
        using var frame = Lifetime.Frame();
        var now = _draws.Keys.ToDictionary(g => g, g => g.Position);
        Rewind(_draws);
        using (EngineState.Enter(_state with { GradEnabled = true, Replaying = true, SavedTensors = recorder }))
            _segment(_inputs);
        Rewind(now);
        if (recorder.Tensors.Count != _edges.Count)
            throw new AutogradException(
                $"a checkpointed segment saved {_edges.Count} tensors the first time and {recorder.Tensors.Count} when it was run again; "
                    + "it must do the same each time it is called"
            );
        return recorder;
    }

    private sealed class Recorder : ISavedTensorStore
    {
        public List<Tensor> Tensors { get; } = [];

        public int Store(Tensor tensor)
        {
            Tensors.Add(tensor.Hold());
            return Tensors.Count - 1;
        }

        public Tensor Restore(int key) => Tensors[key];

        public void Release(int key) { }

        public void Drew(IRandomState generator, long position) { }
    }
}
