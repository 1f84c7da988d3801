namespace CudaNet;

internal sealed class MishOp() : ActivationOp("mish")
{
    public static readonly MishOp Instance = new();

    internal override CpuKernel Cpu => CpuActivations.Mish;

    protected override ActivationBackwardOp Derivative => MishBackwardOp.Instance;

    public override double Evaluate(double x, Attributes attributes) => x * Math.Tanh(SpecialFunctions.Softplus(x));

    public override double Slope(double x, Attributes attributes) => Terms(x, x);

    public override double SlopeMagnitude(double x, Attributes attributes) => Terms(x, Math.Abs(x));

    private static double Terms(double x, double factor)
    {
        // 1 − tanh² = 1 / cosh², without the cancellation.
        var soft = SpecialFunctions.Softplus(x);
        var cosh = Math.Cosh(soft);
        return Math.Tanh(soft) + factor * SpecialFunctions.Sigmoid(x) / (cosh * cosh);
    }

    public override Tensor Slope(Tensor x, Attributes attributes)
    {
        var t = x.Softplus().Tanh();
        return t.Add(x.Mul(x.Sigmoid()).Mul(t.Square().Affine(-1, 1)));
    }
}

/// <summary>The gradient of <see cref="MishOp"/>.</summary>
internal sealed class MishBackwardOp() : ActivationBackwardOp(MishOp.Instance)
{
    public static readonly MishBackwardOp Instance = new();

    internal override CpuKernel Cpu => CpuActivations.MishBackward;
}

/// <summary>The self-regularised activation of Misra.</summary>
public static class MishExtensions
{
    extension(Tensor input)
    {
        /// <summary>input · tanh(ln(1 + eˣ)) (Misra 2019).</summary>
        public Tensor Mish() => MishOp.Instance.Apply([input]);
    }
}
