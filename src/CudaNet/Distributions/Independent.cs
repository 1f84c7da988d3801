namespace CudaNet.Distributions;

/// <summary>A distribution whose last batch axes are taken to be axes of one value: log-probabilities are summed over them.</summary>
public sealed class Independent : Distribution
{
    /// <summary>A distribution whose values are whole rows of another's.</summary>
    /// <param name="of">The distribution of the elements.</param>
    /// <param name="axes">How many batch axes become axes of a value.</param>
    /// <exception cref="ShapeException">There are fewer batch axes.</exception>
    public Independent(Distribution of, int axes)
        : base(Batch(of, axes), [.. of.BatchShape.Dims[^axes..], .. of.EventShape.Dims], of) =>
        (Base, Axes) = (of, axes);

    /// <summary>The distribution of the elements.</summary>
    public Distribution Base { get; }

    /// <summary>How many of its batch axes are axes of one value.</summary>
    public int Axes { get; }

    /// <inheritdoc/>
    public override bool HasRSample => Base.HasRSample;

    /// <inheritdoc/>
    public override Tensor Mean => Base.Mean;

    /// <inheritdoc/>
    public override Tensor Variance => Base.Variance;

    /// <inheritdoc/>
    public override Tensor LogProb(Tensor value) => SumLast(Base.LogProb(value), Axes);

    /// <inheritdoc/>
    public override Tensor Entropy() => SumLast(Base.Entropy(), Axes);

    /// <inheritdoc/>
    public override Tensor Sample(Shape? sampleShape = null, Generator? generator = null) =>
        Base.Sample(sampleShape, generator);

    /// <inheritdoc/>
    public override Tensor RSample(Shape? sampleShape = null, Generator? generator = null) =>
        Base.RSample(sampleShape, generator);

    private static Shape Batch(Distribution of, int axes) =>
        axes >= 0 && axes <= of.BatchShape.Rank
            ? new Shape(of.BatchShape.Dims[..^axes])
            : throw new ShapeException(
                $"Independent: expected at most the {of.BatchShape.Rank} axes of the batch {of.BatchShape}, got {axes}"
            );
}
