namespace CudaNet.Nn;

/// <summary>Layer normalisation over the last axes, with learned weight and bias (Ba, Kiros, Hinton 2016).</summary>
public sealed class LayerNorm : Module<Tensor, Tensor>
{
    private readonly long[] _shape;

    /// <summary>Weight starts at 1, bias at 0; without <paramref name="affine"/> there is neither.</summary>
    public LayerNorm(
        Shape normalizedShape,
        double eps = 1e-5,
        bool affine = true,
        DType dtype = DType.Float32,
        Device? device = null
    )
    {
        _shape = normalizedShape.Dims.ToArray();
        Eps = eps;
        if (!affine)
            return;
        Weight = AddParameter("weight", Tensor.Ones(normalizedShape, dtype, device));
        Bias = AddParameter("bias", Tensor.Zeros(normalizedShape, dtype, device));
    }

    /// <summary>Added to the variance.</summary>
    public double Eps { get; }

    /// <summary>Of normalizedShape, or null.</summary>
    public Tensor? Weight { get; }

    /// <summary>Of normalizedShape, or null.</summary>
    public Tensor? Bias { get; }

    /// <inheritdoc/>
    protected override Tensor Forward(Tensor input) => input.LayerNorm(_shape, Weight, Bias, Eps);
}
