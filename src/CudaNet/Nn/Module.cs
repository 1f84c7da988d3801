namespace CudaNet.Nn;

/// <summary>
/// A part of a network: parameters, buffers and child modules under names, as in PyTorch, so that state dictionaries can be exchanged.
/// Subclasses register what they own in their constructor.
/// </summary>
public abstract class Module
{
    private readonly List<(string Name, Tensor Tensor)> _parameters = [];
    private readonly List<(string Name, Tensor Tensor)> _buffers = [];
    private readonly List<(string Name, Module Module)> _children = [];

    /// <summary>Whether dropout drops and normalisations gather statistics; true until <see cref="Eval"/>.</summary>
    public bool IsTraining { get; private set; } = true;

    /// <summary>The child modules with their names.</summary>
    public IReadOnlyList<(string Name, Module Module)> Children => _children;

    /// <summary>Makes a tensor a parameter: a leaf that requires gradients and outlives every lifetime frame.</summary>
    protected Tensor AddParameter(string name, Tensor value)
    {
        RequireFreeName(name);
        // Gradients and in-place updates need the parameter's own contiguous memory.
        var parameter = value is { IsLeaf: true, IsContiguous: true } ? value : value.Detach().Clone();
        parameter.RequiresGrad = true;
        _parameters.Add((name, parameter.Keep()));
        return parameter;
    }

    /// <summary>Makes a tensor part of the state without gradients, such as a running statistic.</summary>
    protected Tensor AddBuffer(string name, Tensor value)
    {
        RequireFreeName(name);
        _buffers.Add((name, value.Keep()));
        return value;
    }

    /// <summary>Makes a module a child.</summary>
    protected T AddModule<T>(string name, T module)
        where T : Module
    {
        RequireFreeName(name);
        _children.Add((name, module));
        return module;
    }

    /// <summary>All parameters, children's included.</summary>
    public IEnumerable<Tensor> Parameters() => NamedParameters().Select(p => p.Tensor);

    /// <summary>All parameters with dotted names: <c>0.weight</c>.</summary>
    public IEnumerable<(string Name, Tensor Tensor)> NamedParameters() => Named(m => m._parameters);

    /// <summary>All buffers with dotted names.</summary>
    public IEnumerable<(string Name, Tensor Tensor)> NamedBuffers() => Named(m => m._buffers);

    /// <summary>This module, under the empty name, and all below it with dotted names, each before its children.</summary>
    public IEnumerable<(string Name, Module Module)> NamedModules() =>
        _children
            .SelectMany(c =>
                c.Module.NamedModules().Select(m => (m.Name.Length == 0 ? c.Name : $"{c.Name}.{m.Name}", m.Module))
            )
            .Prepend(("", this));

    /// <summary>Does something with every module, children before their parents: how weights are initialised anew.</summary>
    public void Apply(Action<Module> action)
    {
        foreach (var (_, child) in _children)
            child.Apply(action);
        action(this);
    }

    /// <summary>Stops the training of all parameters: no gradients are computed for them, and optimisers pass them over.</summary>
    public void Freeze() => SetRequiresGrad(false);

    /// <summary>Takes all parameters back into training.</summary>
    public void Unfreeze() => SetRequiresGrad(true);

    /// <summary>Parameters and buffers by dotted name: the tensors themselves, not copies.</summary>
    public IReadOnlyDictionary<string, Tensor> StateDict() =>
        NamedParameters().Concat(NamedBuffers()).ToDictionary(p => p.Name, p => p.Tensor, StringComparer.Ordinal);

    /// <summary>Overwrites parameters and buffers with the values given for their names.</summary>
    /// <exception cref="ShapeException">A name is missing or unknown, or a shape or dtype differs; nothing has been changed then.</exception>
    public void LoadStateDict(IReadOnlyDictionary<string, Tensor> state)
    {
        var own = StateDict();
        var missing = own.Keys.Except(state.Keys).ToList();
        var unknown = state.Keys.Except(own.Keys).ToList();
        if (missing.Count + unknown.Count > 0)
            throw new ShapeException($"LoadStateDict: missing: {Names(missing)}; unknown: {Names(unknown)}");
        foreach (var (name, tensor) in own)
            if (!tensor.Shape.Equals(state[name].Shape) || tensor.DType != state[name].DType)
                throw new ShapeException(
                    $"LoadStateDict: {name} is {tensor.Shape} {tensor.DType.Name}, the given one {state[name].Shape} {state[name].DType.Name}"
                );
        foreach (var (name, tensor) in own)
            tensor.Assign(state[name]);
    }

    /// <summary>The number of parameter elements.</summary>
    public long ParameterCount => Parameters().Sum(p => p.NumElements);

    /// <summary>Switches this module and its children to training.</summary>
    public void Train() => SetTraining(true);

    /// <summary>Switches this module and its children to evaluation.</summary>
    public void Eval() => SetTraining(false);

    /// <summary>Moves all parameters and buffers to a device.</summary>
    public void To(Device device)
    {
        foreach (var (_, tensor) in NamedParameters().Concat(NamedBuffers()))
            tensor.MoveTo(device);
    }

    /// <summary>Drops the gradients of all parameters.</summary>
    public void ZeroGrad()
    {
        foreach (var parameter in Parameters())
            if (parameter.RequiresGrad)
                parameter.Grad = null;
    }

    /// <summary>Told when a call of this module begins.</summary>
    internal event Action<Module>? Entered;

    /// <summary>Told what a call of this module gave.</summary>
    internal event Action<Module, object?>? Left;

    private protected void OnEntered() => Entered?.Invoke(this);

    private protected void OnLeft(object? output) => Left?.Invoke(this, output);

    private void SetRequiresGrad(bool requiresGrad)
    {
        foreach (var parameter in Parameters())
            parameter.RequiresGrad = requiresGrad;
    }

    internal void SetTraining(bool training)
    {
        IsTraining = training;
        foreach (var (_, child) in _children)
            child.SetTraining(training);
    }

    private IEnumerable<(string Name, Tensor Tensor)> Named(Func<Module, List<(string Name, Tensor Tensor)>> own) =>
        own(this).Concat(_children.SelectMany(c => c.Module.Named(own).Select(p => ($"{c.Name}.{p.Name}", p.Tensor))));

    private void RequireFreeName(string name)
    {
        if (name.Length == 0 || name.Contains('.'))
            throw new ArgumentException(
                $"'{name}' is no name for a parameter, buffer or module: it is empty or contains a dot",
                nameof(name)
            );
        if (_parameters.Concat(_buffers).Any(p => p.Name == name) || _children.Any(c => c.Name == name))
            throw new ArgumentException(
                $"{GetType().Name} has a parameter, buffer or module '{name}' already",
                nameof(name)
            );
    }

    private static string Names(List<string> names) => names.Count == 0 ? "none" : string.Join(", ", names);
}
