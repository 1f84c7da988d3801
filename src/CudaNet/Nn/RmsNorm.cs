namespace CudaNet.Nn;

/// <summary>Root mean square normalisation over the last axes, with a learned weight (Zhang, Sennrich 2019).</summary>
public sealed class RmsNorm : Module<Tensor, Tensor>
{
    private readonly long[] _shape;

    /// <summary>The weight starts at 1; without <paramref name="affine"/> there is none.</summary>
    public RmsNorm(
        Shape normalizedShape,
        double? eps = null,
        bool affine = true,
        DType dtype = DType.Float32,
        Device? device = null
    )
    {
        _shape = normalizedShape.Dims.ToArray();
        Eps = eps;
        if (affine)
            Weight = AddParameter("weight", Tensor.Ones(normalizedShape, dtype, device));
    }

    /// <summary>Added to the mean of squares; null stands for the distance from 1 to the next number of the input's dtype.</summary>
    public double? Eps { get; }

    /// <summary>Of normalizedShape, or null.</summary>
    public Tensor? Weight { get; }

    /// <inheritdoc/>
    protected override Tensor Forward(Tensor input) => input.RmsNorm(_shape, Weight, Eps);
}
