using System.Globalization;

namespace CudaNet.Optim;

/// <summary>Parameters that are stepped with the same options.</summary>
public sealed class ParameterGroup
{
    private readonly Dictionary<Device, Tensor> _rates = [];
    private double _learningRate;

    internal ParameterGroup(IReadOnlyList<Tensor> parameters, double learningRate, double weightDecay)
    {
        Parameters = parameters;
        LearningRate = learningRate;
        WeightDecay = weightDecay;
    }

    /// <summary>The parameters.</summary>
    public IReadOnlyList<Tensor> Parameters { get; }

    /// <summary>The step size. It may change between steps, also between replays of a captured graph.</summary>
    /// <exception cref="AttributeException">It is negative or not finite.</exception>
    public double LearningRate
    {
        get => _learningRate;
        set
        {
            _learningRate = Optimizer.RequireNotNegative(value, "learning rate");
            foreach (var rate in _rates.Values)
                rate.CopyFrom<double>([value]);
        }
    }

    /// <summary>The strength of weight decay, or of the L2 penalty.</summary>
    public double WeightDecay { get; }

    /// <summary>
    /// The momentum, or Adam's β₁, where it is not the optimiser's: schedules that move it set it. A captured graph keeps the one that it was captured with.
    /// </summary>
    public double? Momentum { get; set; }

    /// <summary>The learning rate that the group had when the first scheduler came, from which schedulers reckon.</summary>
    internal double? InitialLearningRate { get; set; }

    /// <summary>The learning rate where kernels read it.</summary>
    internal Tensor RateOn(Device device)
    {
        if (!_rates.TryGetValue(device, out var rate))
            _rates[device] = rate = Tensor.Scalar(LearningRate, DType.Float64, device).Reshape(1).Keep();
        return rate;
    }
}

/// <summary>
/// Changes parameters by their gradients. All parameters of a group are stepped by one launch; a parameter whose gradient is null is left
/// as it is, and its count of steps too.
/// </summary>
public abstract class Optimizer
{
    private readonly List<ParameterGroup> _groups = [];
    private readonly Dictionary<Tensor, ParameterState> _states = new(ReferenceEqualityComparer.Instance);

    /// <summary>The groups, in the order in which they were added.</summary>
    public IReadOnlyList<ParameterGroup> Groups => _groups;

    /// <summary>The names of the tensors that are kept for each parameter, such as <c>exp_avg</c>.</summary>
    protected abstract IReadOnlyList<string> Buffers { get; }

    /// <summary>The learning rate of the first group; setting it sets that of all groups.</summary>
    public double LearningRate
    {
        get => _groups[0].LearningRate;
        set
        {
            foreach (var group in _groups)
                group.LearningRate = value;
        }
    }

    /// <summary>Adds parameters with options of their own.</summary>
    /// <exception cref="AutogradException">One does not require gradients or is no leaf.</exception>
    /// <exception cref="AttributeException">One is there already, or an option is out of range.</exception>
    protected ParameterGroup Add(IEnumerable<Tensor> parameters, double learningRate, double weightDecay)
    {
        var list = parameters.ToList();
        var seen = new HashSet<Tensor>(_groups.SelectMany(g => g.Parameters), ReferenceEqualityComparer.Instance);
        foreach (var parameter in list)
        {
            if (parameter is not { RequiresGrad: true, IsLeaf: true })
                throw new AutogradException(
                    $"{GetType().Name}: a parameter of shape {parameter.Shape} is no leaf that requires gradients; set RequiresGrad on it"
                );
            if (!seen.Add(parameter))
                throw new AttributeException(
                    $"{GetType().Name}: a parameter of shape {parameter.Shape} is there twice"
                );
        }
        RequireNotNegative(weightDecay, "weight decay");
        var group = new ParameterGroup(list, learningRate, weightDecay);
        _groups.Add(group);
        return group;
    }

    /// <summary>Forgets the gradients of all parameters.</summary>
    public void ZeroGrad()
    {
        foreach (var group in _groups)
        foreach (var parameter in group.Parameters)
            parameter.Grad = null;
    }

    /// <summary>Whether it has a momentum, or Adam's β₁, that <see cref="ParameterGroup.Momentum"/> sets.</summary>
    internal virtual bool HasMomentum => false;

    /// <summary>Whether steps need a momentum buffer: the optimiser's own momentum is not 0, or a group has one.</summary>
    private protected bool KeepsMomentum(double momentum) =>
        momentum != 0 || _groups.Any(group => group.Momentum is not null);

    /// <summary>What a new parameter's buffer is filled with.</summary>
    private protected virtual double InitialValue(int buffer) => 0;

    /// <summary>Evaluates the loss and its gradients, then changes the parameters.</summary>
    /// <param name="closure">Clears the gradients, computes the loss and runs the backward pass; gives the loss.</param>
    /// <returns>The loss before the step.</returns>
    public virtual Tensor Step(Func<Tensor> closure)
    {
        Tensor loss;
        using (Autograd.EnableGrad())
            loss = closure();
        Step();
        return loss;
    }

    /// <summary>Changes every parameter that has a gradient.</summary>
    public virtual void Step() => Step(foundInf: null);

    /// <summary>Changes every parameter that has a gradient, unless <paramref name="foundInf"/> turns out not to be 0 when the kernels run.</summary>
    internal void Step(Tensor? foundInf)
    {
        FoundInf = foundInf;
        using var range = Profiler.Range("optimizer");
        using var noGrad = Autograd.NoGrad();
        using var frame = Lifetime.Frame();
        foreach (var group in _groups)
        {
            var ready = group.Parameters.Where(p => p.LeafGradient is not null).ToList();
            SeparateFromSkipped(ready);
            foreach (var together in ready.GroupBy(p => (State(p).Counter, p.DType)))
                Step(group, [.. together], together.Key.Counter.Tensor);
        }
    }

    /// <summary>Whether the step's kernels leave it out by themselves when gradients overflowed: they read <see cref="FoundInf"/>.</summary>
    internal virtual bool SkipsOnDevice => false;

    /// <summary>One f32 value that is not 0 when gradients overflowed; null when nobody looked.</summary>
    private protected Tensor? FoundInf { get; private set; }

    /// <summary>Steps parameters of one dtype that have always been stepped together.</summary>
    /// <param name="group">Whose options hold.</param>
    /// <param name="parameters">All have gradients.</param>
    /// <param name="state">The count of steps, {steps, 0}, i64, which the op counts up.</param>
    private protected abstract void Step(ParameterGroup group, Tensor[] parameters, Tensor state);

    /// <summary>
    /// The inputs of the op: parameters, gradients, the buffers that the optimiser keeps, learning rate and state.
    /// </summary>
    private protected Tensor?[] Inputs(ParameterGroup group, Tensor[] parameters, Tensor state)
    {
        var (n, buffers) = (parameters.Length, Buffers.Count);
        var inputs = new Tensor?[n * (2 + buffers) + 2];
        for (var i = 0; i < n; i++)
        {
            inputs[i] = parameters[i];
            inputs[n + i] = parameters[i].LeafGradient!.Contiguous();
            for (var b = 0; b < buffers; b++)
                inputs[(2 + b) * n + i] = State(parameters[i]).Buffers[b];
        }
        inputs[^2] = group.RateOn(parameters[0].Device);
        inputs[^1] = state;
        return inputs;
    }

    private ParameterState State(Tensor parameter) => _states[parameter];

    /// <summary>Parameters share a counter as long as all of them take every step. When some stay behind, those that go on get a copy.</summary>
    private void SeparateFromSkipped(List<Tensor> ready)
    {
        var fresh = new Dictionary<(Device, DType), Counter>();
        foreach (var parameter in ready)
        {
            if (_states.ContainsKey(parameter))
                continue;
            var key = (parameter.Device, parameter.DType);
            if (!fresh.TryGetValue(key, out var counter))
                fresh[key] = counter = new Counter(Tensor.Zeros([2], DType.Int64, parameter.Device).Keep());
            Join(
                parameter,
                counter,
                b => Tensor.Full(parameter.Shape, InitialValue(b), parameter.DType, parameter.Device)
            );
        }
        foreach (var together in ready.GroupBy(p => State(p).Counter).ToList())
        {
            var members = together.ToList();
            if (members.Count == together.Key.Members)
                continue;
            RefuseCapture("steps only some of the parameters that it has always stepped together");
            together.Key.Members -= members.Count;
            var copy = new Counter(together.Key.Tensor.Clone().Keep()) { Members = members.Count };
            foreach (var parameter in members)
                State(parameter).Counter = copy;
        }
    }

    private ParameterState Join(Tensor parameter, Counter counter, Func<int, Tensor> make)
    {
        RefuseCapture("makes the state of a parameter that it has not stepped before");
        counter.Members++;
        var buffers = Buffers.Select((_, b) => make(b).Keep()).ToArray();
        return _states[parameter] = new ParameterState(counter, buffers);
    }

    /// <summary>A replay would make the state anew each time instead of continuing from it.</summary>
    private void RefuseCapture(string what)
    {
        if (EngineState.Current.Capture is not null)
            throw new CudaGraphException(
                $"{GetType().Name} {what} while a graph is captured; run such a step once before, or capture with warmup: 1"
            );
    }

    /// <summary>
    /// What a checkpoint needs, by name: <c>0.step</c> and <c>0.exp_avg</c> for parameter 0, counted through all groups, and
    /// <c>group.0.lr</c>. The tensors are the optimiser's own, except the counts; parameters that were never stepped have none.
    /// </summary>
    public virtual IReadOnlyDictionary<string, Tensor> StateDictionary()
    {
        var result = new Dictionary<string, Tensor>(StringComparer.Ordinal);
        for (var g = 0; g < _groups.Count; g++)
            result[Name("group", g, "lr")] = Tensor.Scalar(_groups[g].LearningRate, DType.Float64, Device.Cpu);
        foreach (var (index, parameter) in Numbered())
        {
            if (!_states.TryGetValue(parameter, out var state))
                continue;
            result[Name(index, "step")] = Tensor.From<long>(
                [state.Counter.Tensor.ToArray<long>()[0]],
                device: Device.Cpu
            );
            for (var b = 0; b < Buffers.Count; b++)
                result[Name(index, Buffers[b])] = state.Buffers[b];
        }
        return result;
    }

    /// <summary>Takes over what <see cref="StateDictionary"/> gave, of an optimiser with the same parameters; values are copied.</summary>
    /// <exception cref="AttributeException">A name is unknown or one is missing.</exception>
    /// <exception cref="ShapeException">A tensor has another shape than its parameter.</exception>
    public virtual void LoadStateDictionary(IReadOnlyDictionary<string, Tensor> state)
    {
        var reader = new StateReader(GetType().Name, state);
        var loaded = new Dictionary<Tensor, (long Step, Tensor[] Buffers)>(ReferenceEqualityComparer.Instance);
        var rates = _groups.Select((_, g) => reader.Number(Name("group", g, "lr"))).ToArray();
        foreach (var (index, parameter) in Numbered())
        {
            if (!state.ContainsKey(Name(index, "step")))
                continue;
            var step = (long)reader.Number(Name(index, "step"));
            loaded[parameter] = (
                step,
                [.. Buffers.Select(b => reader.Tensor(Name(index, b), parameter.Shape, parameter.DType))]
            );
        }
        reader.RequireAllRead();
        // The handles end here, so that a captured graph which still steps the old tensors notices.
        var replaced = _states.Values.SelectMany(s => s.Buffers).ToList();
        _states.Clear();
        for (var g = 0; g < rates.Length; g++)
            _groups[g].LearningRate = rates[g];
        Restore(loaded);
        foreach (var buffer in replaced)
            buffer.Release();
    }

    private void Restore(Dictionary<Tensor, (long Step, Tensor[] Buffers)> loaded)
    {
        // Within a group, parameters with equal counts step together again.
        foreach (var group in _groups)
        {
            var counters = new Dictionary<(long, Device, DType), Counter>();
            foreach (var parameter in group.Parameters)
            {
                if (!loaded.TryGetValue(parameter, out var entry))
                    continue;
                var key = (entry.Step, parameter.Device, parameter.DType);
                if (!counters.TryGetValue(key, out var counter))
                    counters[key] = counter = new Counter(
                        Tensor.From<long>([entry.Step, 0], device: parameter.Device).Keep()
                    );
                Join(parameter, counter, b => Copy(entry.Buffers[b], parameter.Device));
            }
        }
    }

    private protected static Tensor Copy(Tensor source, Device device)
    {
        var copy = Tensor.Empty(source.Shape, source.DType, device);
        HostData.FromBytes(copy, HostData.ToBytes(source));
        return copy;
    }

    private IEnumerable<(int Index, Tensor Parameter)> Numbered() =>
        _groups.SelectMany(g => g.Parameters).Select((parameter, index) => (index, parameter));

    private static string Name(params object[] parts) =>
        string.Join('.', parts.Select(p => Convert.ToString(p, CultureInfo.InvariantCulture)));

    /// <summary>Throws unless a value is finite and not negative.</summary>
    internal static double RequireNotNegative(double value, string what) =>
        value >= 0 && double.IsFinite(value)
            ? value
            : throw new AttributeException($"optimizer: expected a finite {what} of at least 0, got {value}");

    /// <summary>Throws unless a value lies in [0, 1).</summary>
    internal static double RequireFraction(double value, string what) =>
        value is >= 0 and < 1
            ? value
            : throw new AttributeException($"optimizer: expected a {what} from 0 to below 1, got {value}");

    private sealed class Counter(Tensor tensor)
    {
        public Tensor Tensor { get; } = tensor;

        public int Members { get; set; }
    }

    private sealed class ParameterState(Counter counter, Tensor[] buffers)
    {
        public Counter Counter { get; set; } = counter;

        public Tensor[] Buffers { get; } = buffers;
    }
}
