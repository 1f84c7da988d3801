namespace CudaNet.Distributions;

/// <summary>Class numbers, i64.</summary>
public sealed class Categorical : Distribution
{
    /// <summary>The distribution with log-probabilities that need not be normalised, (…, classes).</summary>
    public Categorical(Tensor logits)
        : base(Shape.Scalar, (logits, 1)) => Logits = logits.LogSoftmax(-1);

    /// <summary>The distribution with these probabilities, which need not sum to 1.</summary>
    public static Categorical FromProbabilities(Tensor probabilities) => new(probabilities.Log());

    /// <summary>The logarithms of the probabilities.</summary>
    public Tensor Logits { get; }

    /// <summary>The probabilities.</summary>
    public Tensor Probabilities => Logits.Exp();

    /// <summary>A class number has no mean: NaN.</summary>
    public override Tensor Mean => Tensor.Full(BatchShape, double.NaN, DType, Device);

    /// <summary>A class number has no variance: NaN.</summary>
    public override Tensor Variance => Mean;

    /// <inheritdoc/>
    public override Tensor LogProb(Tensor value)
    {
        var shape =
            Shape.Broadcast(value.Shape, BatchShape)
            ?? throw new ShapeException($"Categorical: values {value.Shape} do not fit the batch {BatchShape}");
        var all = Logits.Expand([.. shape.Dims, Logits.Shape[-1]]);
        return all.Gather(all.Rank - 1, value.Expand(shape.Dims).Unsqueeze(-1)).Squeeze(-1);
    }

    /// <inheritdoc/>
    public override Tensor Entropy() => -(Probabilities * Logits).Sum(-1);

    /// <summary>Draws by the inverse of the cumulative distribution.</summary>
    public override Tensor Sample(Shape? sampleShape = null, Generator? generator = null)
    {
        using var noGrad = Autograd.NoGrad();
        var cumulative = Probabilities.CumSum(Logits.Rank - 1);
        var last = Logits.Shape[-1] - 1;
        // The last bound is 1 but for rounding, and is left out, so that no value lies beyond it.
        var bounds = cumulative.Narrow(Logits.Rank - 1, 0, last);
        return Uniform(sampleShape, generator).Unsqueeze(-1).Ge(bounds).Cast(DType.Int64).Sum(-1);
    }
}
