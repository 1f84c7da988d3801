namespace CudaNet.Distributions;

/// <summary>The normal distribution of vectors with a full covariance matrix, given by its Cholesky factor.</summary>
public sealed class MultivariateNormal : Distribution
{
    /// <summary>A distribution.</summary>
    /// <param name="loc">The mean, (…, n).</param>
    /// <param name="scaleTril">L with covariance L·Lᵀ, its diagonal positive, (…, n, n); what stands above the diagonal is not read.</param>
    /// <exception cref="ShapeException">The shapes do not fit.</exception>
    public MultivariateNormal(Tensor loc, Tensor scaleTril)
        : base([Length(loc, scaleTril)], (loc, 1), (scaleTril, 2)) => (Loc, ScaleTril) = (loc, scaleTril.Tril());

    /// <summary>The distribution with a covariance matrix, (…, n, n).</summary>
    /// <exception cref="LinearAlgebraException">The matrix is not positive definite.</exception>
    public static MultivariateNormal FromCovariance(Tensor loc, Tensor covariance) => new(loc, covariance.Cholesky());

    /// <summary>The mean.</summary>
    public Tensor Loc { get; }

    /// <summary>The Cholesky factor of the covariance.</summary>
    public Tensor ScaleTril { get; }

    /// <inheritdoc/>
    public override bool HasRSample => true;

    /// <inheritdoc/>
    public override Tensor Mean => Whole(Loc);

    /// <inheritdoc/>
    public override Tensor Variance => Whole(ScaleTril.Square().Sum(-1));

    /// <inheritdoc/>
    public override Tensor LogProb(Tensor value) =>
        -0.5 * (Distance(value - Loc) + EventShape[0] * Math.Log(2 * Math.PI)) - HalfLogDet();

    /// <inheritdoc/>
    public override Tensor Entropy() =>
        (HalfLogDet() + 0.5 * EventShape[0] * (1 + Math.Log(2 * Math.PI))).Expand(BatchShape.Dims);

    /// <inheritdoc/>
    public override Tensor RSample(Shape? sampleShape = null, Generator? generator = null)
    {
        var noise = Tensor.RandN(Extended(sampleShape), 0, 1, DType, Device, generator);
        return Loc + ScaleTril.MatMul(noise.Unsqueeze(-1)).Squeeze(-1);
    }

    /// <summary>The squared length of vectors in units of the covariance (Mahalanobis).</summary>
    internal Tensor Distance(Tensor vectors) =>
        ScaleTril.SolveTriangular(vectors.Unsqueeze(-1), upper: false).Squeeze(-1).Square().Sum(-1);

    /// <summary>Half the logarithm of the covariance's determinant.</summary>
    internal Tensor HalfLogDet()
    {
        var eye = Tensor.Eye(EventShape[0], dtype: DType, device: Device);
        return (ScaleTril * eye).Sum(-1).Log().Sum(-1);
    }

    private static long Length(Tensor loc, Tensor scaleTril) =>
        loc.Rank >= 1
        && scaleTril.Rank >= 2
        && scaleTril.Shape[-1] == loc.Shape[-1]
        && scaleTril.Shape[-2] == loc.Shape[-1]
            ? loc.Shape[-1]
            : throw new ShapeException(
                $"MultivariateNormal(loc {loc.Shape}, scaleTril {scaleTril.Shape}): expected (…, n) and (…, n, n)"
            );
}
