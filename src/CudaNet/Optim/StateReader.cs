namespace CudaNet.Optim;

/// <summary>Reads a state dictionary and notices what it lacks and what nobody asked for.</summary>
internal sealed class StateReader(string owner, IReadOnlyDictionary<string, Tensor> state)
{
    private readonly HashSet<string> _left = new(state.Keys, StringComparer.Ordinal);

    /// <summary>The value of a tensor with one element.</summary>
    /// <exception cref="AttributeException">There is no such entry.</exception>
    public double Number(string name) => Take(name).Item();

    /// <summary>An entry of this shape and dtype.</summary>
    /// <exception cref="AttributeException">There is no such entry.</exception>
    /// <exception cref="ShapeException">It has another shape or dtype.</exception>
    public Tensor Tensor(string name, Shape shape, DType dtype)
    {
        var tensor = Take(name);
        return tensor.Shape.Equals(shape) && tensor.DType == dtype
            ? tensor
            : throw new ShapeException(
                $"{owner}: '{name}' is {tensor.Shape} {tensor.DType.Name}, its parameter {shape} {dtype.Name}"
            );
    }

    /// <summary>Throws when there are entries that nobody has read.</summary>
    /// <exception cref="AttributeException">There are.</exception>
    public void RequireAllRead()
    {
        if (_left.Count > 0)
            throw new AttributeException(
                $"{owner}: the state has '{_left.Order(StringComparer.Ordinal).First()}', which this optimiser does not know"
            );
    }

    private Tensor Take(string name)
    {
        _left.Remove(name);
        return state.TryGetValue(name, out var tensor)
            ? tensor
            : throw new AttributeException($"{owner}: the state lacks '{name}'");
    }
}
