namespace CudaNet.Nn;

/// <summary>Modules one after the other; named 0, 1, 2, … as in PyTorch.</summary>
public sealed class Sequential : Module<Tensor, Tensor>
{
    private readonly Module<Tensor, Tensor>[] _layers;

    /// <summary>The modules in the order in which they are applied.</summary>
    public Sequential(params ReadOnlySpan<Module<Tensor, Tensor>> layers)
    {
        _layers = layers.ToArray();
        for (var i = 0; i < _layers.Length; i++)
            AddModule(i.ToString(System.Globalization.CultureInfo.InvariantCulture), _layers[i]);
    }

    /// <inheritdoc/>
    protected override Tensor Forward(Tensor input)
    {
        foreach (var layer in _layers)
            input = layer.Call(input);
        return input;
    }
}

/// <summary>All axes from <c>first</c> on become one: (N, C, H, W) → (N, C·H·W).</summary>
public sealed class Flatten(int first = 1) : Module<Tensor, Tensor>
{
    /// <inheritdoc/>
    protected override Tensor Forward(Tensor input) => input.Reshape([.. input.Shape.Dims[..first], -1]);
}

/// <summary>One axis becomes several: with axis 1 and sizes (C, H, W), (N, C·H·W) → (N, C, H, W).</summary>
public sealed class Unflatten(int axis, Shape sizes) : Module<Tensor, Tensor>
{
    /// <inheritdoc/>
    protected override Tensor Forward(Tensor input)
    {
        var from = axis < 0 ? axis + input.Rank : axis;
        return input.Reshape([.. input.Shape.Dims[..from], .. sizes.Dims, .. input.Shape.Dims[(from + 1)..]]);
    }
}
