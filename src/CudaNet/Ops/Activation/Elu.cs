namespace CudaNet;

internal sealed class EluOp() : ActivationOp("elu", "; alpha: float = 1")
{
    public static readonly EluOp Instance = new();

    internal override CpuKernel Cpu => CpuActivations.Elu;

    protected override ActivationBackwardOp Derivative => EluBackwardOp.Instance;

    public override double Evaluate(double x, Attributes attributes) =>
        x > 0 ? x : attributes.Float(0) * SpecialFunctions.ExpM1(x);

    public override double Slope(double x, Attributes attributes) => x > 0 ? 1 : attributes.Float(0) * Math.Exp(x);

    public override Tensor Slope(Tensor x, Attributes attributes) =>
        // Of the branch not taken only what does not overflow is computed.
        Tensor.Where(x.Gt(0), 1, Tensor.Where(x.Gt(0), 0, x).Exp().Affine(attributes.Float(0)));

    public override IEnumerable<(string Label, Attributes Attributes)> Variants =>
        [("", Attributes.Of(1.0)), ("alpha=0.5", Attributes.Of(0.5))];
}

/// <summary>The gradient of <see cref="EluOp"/>.</summary>
internal sealed class EluBackwardOp() : ActivationBackwardOp(EluOp.Instance, "; alpha: float = 1")
{
    public static readonly EluBackwardOp Instance = new();

    internal override CpuKernel Cpu => CpuActivations.EluBackward;
}

/// <summary>The exponential linear unit.</summary>
public static class EluExtensions
{
    extension(Tensor input)
    {
        /// <summary>input where it is positive, else alpha · (eˣ − 1) (Clevert, Unterthiner, Hochreiter 2016).</summary>
        public Tensor Elu(double alpha = 1) => EluOp.Instance.Apply([input], Attributes.Of(alpha));
    }
}
