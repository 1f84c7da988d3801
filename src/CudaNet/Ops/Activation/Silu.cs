namespace CudaNet;

internal sealed class SiluOp() : ActivationOp("silu")
{
    public static readonly SiluOp Instance = new();

    internal override CpuKernel Cpu => CpuActivations.Silu;

    protected override ActivationBackwardOp Derivative => SiluBackwardOp.Instance;

    public override double Evaluate(double x, Attributes attributes) => x * SpecialFunctions.Sigmoid(x);

    public override double Slope(double x, Attributes attributes)
    {
        var s = SpecialFunctions.Sigmoid(x);
        return s + x * s * SpecialFunctions.Sigmoid(-x);
    }

    public override double SlopeMagnitude(double x, Attributes attributes)
    {
        var s = SpecialFunctions.Sigmoid(x);
        return s + Math.Abs(x) * s * SpecialFunctions.Sigmoid(-x);
    }

    public override Tensor Slope(Tensor x, Attributes attributes)
    {
        var s = x.Sigmoid();
        return s.Add(x.Mul(s).Mul(s.Affine(-1, 1)));
    }
}

/// <summary>The gradient of <see cref="SiluOp"/>.</summary>
internal sealed class SiluBackwardOp() : ActivationBackwardOp(SiluOp.Instance)
{
    public static readonly SiluBackwardOp Instance = new();

    internal override CpuKernel Cpu => CpuActivations.SiluBackward;
}

/// <summary>The sigmoid-weighted linear unit.</summary>
public static class SiluExtensions
{
    extension(Tensor input)
    {
        /// <summary>input · σ(input): swish with β = 1 (Elfwing, Uchibe, Doya 2018).</summary>
        public Tensor Silu() => SiluOp.Instance.Apply([input]);
    }
}
