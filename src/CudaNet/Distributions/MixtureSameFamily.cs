namespace CudaNet.Distributions;

/// <summary>A mixture: one of several components of one kind, drawn by a categorical distribution.</summary>
public sealed class MixtureSameFamily : Distribution
{
    private readonly Categorical _mixing;
    private readonly Distribution _components;

    /// <summary>A mixture.</summary>
    /// <param name="mixing">Which component it is, of batch (…).</param>
    /// <param name="components">The components, of batch (…, components).</param>
    /// <exception cref="ShapeException">The numbers of components differ.</exception>
    public MixtureSameFamily(Categorical mixing, Distribution components)
        : base(Batch(mixing, components), components.EventShape, components) =>
        (_mixing, _components) = (mixing, components);

    /// <inheritdoc/>
    public override Tensor Mean => Mixed(_components.Mean);

    /// <inheritdoc/>
    public override Tensor Variance
    {
        get
        {
            var mean = _components.Mean;
            return Mixed(_components.Variance + mean.Square()) - Mixed(mean).Square();
        }
    }

    /// <inheritdoc/>
    public override Tensor LogProb(Tensor value)
    {
        var each = _components.LogProb(value.Unsqueeze(value.Rank - EventShape.Rank));
        return (each + _mixing.Logits).LogSumExp(-1);
    }

    /// <inheritdoc/>
    public override Tensor Sample(Shape? sampleShape = null, Generator? generator = null)
    {
        using var noGrad = Autograd.NoGrad();
        var which = _mixing.Sample(sampleShape, generator);
        var all = _components.Sample(sampleShape, generator);
        var axis = all.Rank - EventShape.Rank - 1;
        for (var i = 0; i <= EventShape.Rank; i++)
            which = which.Unsqueeze(-1);
        var index = which.Expand(all.Shape.With(axis, 1).Dims);
        return all.Gather(axis, index).Squeeze(axis);
    }

    private Tensor Mixed(Tensor each)
    {
        var weights = _mixing.Probabilities;
        for (var i = 0; i < EventShape.Rank; i++)
            weights = weights.Unsqueeze(-1);
        return (weights * each).Sum(-1 - EventShape.Rank);
    }

    private static Shape Batch(Categorical mixing, Distribution components) =>
        components.BatchShape.Rank > 0
        && components.BatchShape[-1] == mixing.Logits.Shape[-1]
        && mixing.BatchShape.Equals(new Shape(components.BatchShape.Dims[..^1]))
            ? mixing.BatchShape
            : throw new ShapeException(
                $"MixtureSameFamily: the weights are {mixing.Logits.Shape}, the batch of components {components.BatchShape}; expected the same"
            );
}
