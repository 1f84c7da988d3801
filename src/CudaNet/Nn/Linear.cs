namespace CudaNet.Nn;

/// <summary>y = x·Wᵀ + b, with W of shape (outFeatures, inFeatures), over the last axis of x.</summary>
public sealed class Linear : Module<Tensor, Tensor>
{
    /// <summary>A layer whose weight and bias start uniform on ±1/√inFeatures, as PyTorch's do.</summary>
    public Linear(
        long inFeatures,
        long outFeatures,
        bool bias = true,
        DType dtype = DType.Float32,
        Device? device = null,
        Generator? generator = null
    )
    {
        var bound = inFeatures > 0 ? 1 / Math.Sqrt(inFeatures) : 0;
        Weight = AddParameter(
            "weight",
            Tensor.Rand([outFeatures, inFeatures], -bound, bound, dtype, device, generator)
        );
        if (bias)
            Bias = AddParameter("bias", Tensor.Rand([outFeatures], -bound, bound, dtype, device, generator));
    }

    /// <summary>(outFeatures, inFeatures).</summary>
    public Tensor Weight { get; }

    /// <summary>(outFeatures), or null.</summary>
    public Tensor? Bias { get; }

    /// <inheritdoc/>
    protected override Tensor Forward(Tensor input) => input.Linear(Weight, Bias);
}
