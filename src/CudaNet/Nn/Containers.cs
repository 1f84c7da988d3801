using System.Collections;
using System.Globalization;

namespace CudaNet.Nn;

/// <summary>What comes in goes out: a place in a network that is left empty.</summary>
public sealed class Identity : Module<Tensor, Tensor>
{
    /// <inheritdoc/>
    protected override Tensor Forward(Tensor input) => input;
}

/// <summary>Modules in a list that is itself a module, named 0, 1, 2, …; their owner calls them.</summary>
public sealed class ModuleList<T> : Module, IReadOnlyList<T>
    where T : Module
{
    private readonly List<T> _modules = [];

    /// <summary>A list of these modules.</summary>
    public ModuleList(params IEnumerable<T> modules)
    {
        foreach (var module in modules)
            Add(module);
    }

    /// <summary>The module at a place.</summary>
    public T this[int index] => _modules[index];

    /// <inheritdoc/>
    public int Count => _modules.Count;

    /// <summary>Puts a module at the end.</summary>
    public void Add(T module) => _modules.Add(AddModule(_modules.Count.ToString(CultureInfo.InvariantCulture), module));

    /// <inheritdoc/>
    public IEnumerator<T> GetEnumerator() => _modules.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}

/// <summary>Modules under names of the owner's choice; the owner calls them.</summary>
public sealed class ModuleDict<T> : Module, IEnumerable<KeyValuePair<string, T>>
    where T : Module
{
    private readonly List<KeyValuePair<string, T>> _modules = [];

    /// <summary>The module of a name.</summary>
    /// <exception cref="KeyNotFoundException">There is none of this name.</exception>
    public T this[string name] =>
        _modules.Find(entry => entry.Key == name) is { Value: { } module }
            ? module
            : throw new KeyNotFoundException(
                $"no module '{name}'; there are {string.Join(", ", _modules.Select(entry => entry.Key))}"
            );

    /// <summary>How many there are.</summary>
    public int Count => _modules.Count;

    /// <summary>Adds a module under a name without dots.</summary>
    public void Add(string name, T module) => _modules.Add(new(name, AddModule(name, module)));

    /// <inheritdoc/>
    public IEnumerator<KeyValuePair<string, T>> GetEnumerator() => _modules.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
