namespace CudaNet;

internal sealed class SeluOp() : ActivationOp("selu")
{
    public static readonly SeluOp Instance = new();

    internal override CpuKernel Cpu => CpuActivations.Selu;

    protected override ActivationBackwardOp Derivative => SeluBackwardOp.Instance;

    /// <summary>The fixed point at which activations keep mean 0 and variance 1 (Klambauer et al. 2017).</summary>
    public const double Alpha = 1.6732632423543772;

    /// <inheritdoc cref="Alpha"/>
    public const double Scale = 1.0507009873554805;

    public override double Evaluate(double x, Attributes attributes) =>
        Scale * (x > 0 ? x : Alpha * SpecialFunctions.ExpM1(x));

    public override double Slope(double x, Attributes attributes) => Scale * (x > 0 ? 1 : Alpha * Math.Exp(x));

    public override Tensor Slope(Tensor x, Attributes attributes) =>
        Tensor.Where(x.Gt(0), Scale, Tensor.Where(x.Gt(0), 0, x).Exp().Affine(Scale * Alpha));
}

/// <summary>The gradient of <see cref="SeluOp"/>.</summary>
internal sealed class SeluBackwardOp() : ActivationBackwardOp(SeluOp.Instance)
{
    public static readonly SeluBackwardOp Instance = new();

    internal override CpuKernel Cpu => CpuActivations.SeluBackward;
}

/// <summary>The scaled exponential linear unit.</summary>
public static class SeluExtensions
{
    extension(Tensor input)
    {
        /// <summary>λ · Elu(α) with the λ and α that keep mean 0 and variance 1 through layers (Klambauer et al. 2017).</summary>
        public Tensor Selu() => SeluOp.Instance.Apply([input]);
    }
}
