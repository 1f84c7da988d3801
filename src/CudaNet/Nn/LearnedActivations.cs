namespace CudaNet.Nn;

/// <summary>x where it is positive, else a learned slope · x (He et al. 2015).</summary>
public sealed class PRelu : Module<Tensor, Tensor>
{
    /// <summary>One slope, or one for each channel (the second axis), all starting at <paramref name="init"/>.</summary>
    public PRelu(long numParameters = 1, double init = 0.25, DType dtype = DType.Float32, Device? device = null) =>
        Weight = AddParameter("weight", Tensor.Full([numParameters], init, dtype, device));

    /// <summary>(numParameters).</summary>
    public Tensor Weight { get; }

    /// <inheritdoc/>
    protected override Tensor Forward(Tensor input) => input.PRelu(Weight);
}

/// <summary>x · σ(βx) with a learned β (Ramachandran, Zoph, Le 2017).</summary>
public sealed class Swish : Module<Tensor, Tensor>
{
    /// <summary>β starts at <paramref name="init"/>.</summary>
    public Swish(double init = 1, DType dtype = DType.Float32, Device? device = null) =>
        Beta = AddParameter("beta", Tensor.Full([1], init, dtype, device));

    /// <summary>β, (1).</summary>
    public Tensor Beta { get; }

    /// <inheritdoc/>
    protected override Tensor Forward(Tensor input) => input.Swish(Beta);
}
