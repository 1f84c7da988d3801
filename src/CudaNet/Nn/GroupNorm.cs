namespace CudaNet.Nn;

/// <summary>Normalisation of groups of neighbouring channels of (N, C, …), with a learned weight and bias per channel (Wu, He 2018).</summary>
public sealed class GroupNorm : Module<Tensor, Tensor>
{
    /// <summary>Weight starts at 1, bias at 0; without <paramref name="affine"/> there is neither.</summary>
    public GroupNorm(
        long numGroups,
        long channels,
        double eps = 1e-5,
        bool affine = true,
        DType dtype = DType.Float32,
        Device? device = null
    )
    {
        if (numGroups < 1 || channels % numGroups != 0)
            throw new AttributeException(
                $"GroupNorm: numGroups must be at least 1 and divide the {channels} channels; got {numGroups}"
            );
        (NumGroups, Eps) = (numGroups, eps);
        if (!affine)
            return;
        Weight = AddParameter("weight", Tensor.Ones([channels], dtype, device));
        Bias = AddParameter("bias", Tensor.Zeros([channels], dtype, device));
    }

    /// <summary>How many groups the channels form.</summary>
    public long NumGroups { get; }

    /// <summary>Added to the variance.</summary>
    public double Eps { get; }

    /// <summary>Per channel, or null.</summary>
    public Tensor? Weight { get; }

    /// <summary>Per channel, or null.</summary>
    public Tensor? Bias { get; }

    /// <inheritdoc/>
    protected override Tensor Forward(Tensor input) => input.GroupNorm(NumGroups, Weight, Bias, Eps);
}
