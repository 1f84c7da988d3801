namespace CudaNet;

internal sealed class SoftplusOp() : ActivationOp("softplus", "; beta: float = 1, threshold: float = 20")
{
    public static readonly SoftplusOp Instance = new();

    internal override CpuKernel Cpu => CpuActivations.Softplus;

    protected override ActivationBackwardOp Derivative => SoftplusBackwardOp.Instance;

    public override void CheckAttributes(Attributes attributes)
    {
        if (attributes.Float(0) == 0)
            throw new AttributeException($"{Name}: beta must not be 0: the result is divided by it");
    }

    public override double Evaluate(double x, Attributes attributes)
    {
        var beta = attributes.Float(0);
        return beta * x > attributes.Float(1) ? x : SpecialFunctions.Softplus(beta * x) / beta;
    }

    public override double Magnitude(double x, Attributes attributes) =>
        Math.Abs(Evaluate(x, attributes)) + Conditioning(x, attributes);

    public override double Slope(double x, Attributes attributes) =>
        attributes.Float(0) * x > attributes.Float(1) ? 1 : SpecialFunctions.Sigmoid(attributes.Float(0) * x);

    public override double SlopeMagnitude(double x, Attributes attributes) =>
        Slope(x, attributes) + Math.Abs(attributes.Float(0)) * Conditioning(x, attributes);

    // What rounding beta · x does to the result.
    private static double Conditioning(double x, Attributes attributes) =>
        Math.Abs(x) * SpecialFunctions.Sigmoid(attributes.Float(0) * x);

    public override Tensor Slope(Tensor x, Attributes attributes) =>
        Tensor.Where(x.Affine(attributes.Float(0)).Gt(attributes.Float(1)), 1, x.Affine(attributes.Float(0)).Sigmoid());

    public override IEnumerable<(string Label, Attributes Attributes)> Variants =>
        [
            ("", Attributes.Of(1.0, 20.0)),
            ("beta=0.5,threshold=3", Attributes.Of(0.5, 3.0)),
            ("beta=-2", Attributes.Of(-2.0, 20.0)),
        ];

    public override CaseInput DrawForGradient(long[] shape) => Draw.Normal(shape);
}

/// <summary>The gradient of <see cref="SoftplusOp"/>.</summary>
internal sealed class SoftplusBackwardOp()
    : ActivationBackwardOp(SoftplusOp.Instance, "; beta: float = 1, threshold: float = 20")
{
    public static readonly SoftplusBackwardOp Instance = new();

    internal override CpuKernel Cpu => CpuActivations.SoftplusBackward;
}

/// <summary>The smooth rectified linear unit.</summary>
public static class SoftplusExtensions
{
    extension(Tensor input)
    {
        /// <summary>ln(1 + exp(beta · input)) / beta; the input itself where beta · input is above the threshold.</summary>
        /// <exception cref="AttributeException">beta is 0.</exception>
        public Tensor Softplus(double beta = 1, double threshold = 20) =>
            SoftplusOp.Instance.Apply([input], Attributes.Of(beta, threshold));
    }
}
