namespace CudaNet;

internal sealed class LeakyReluOp() : ActivationOp("leaky_relu", "; negative_slope: float = 0.01")
{
    public static readonly LeakyReluOp Instance = new();

    internal override CpuKernel Cpu => CpuActivations.LeakyRelu;

    protected override ActivationBackwardOp Derivative => LeakyReluBackwardOp.Instance;

    public override double Evaluate(double x, Attributes attributes) => x * Slope(x, attributes);

    public override double Slope(double x, Attributes attributes) => x > 0 ? 1 : attributes.Float(0);

    public override Tensor Slope(Tensor x, Attributes attributes) =>
        Tensor.Where(x.Gt(0), Tensor.Full(Shape.Scalar, 1, x.DType, x.Device), attributes.Float(0));

    public override IEnumerable<(string Label, Attributes Attributes)> Variants =>
        [("", Attributes.Of(0.01)), ("negative_slope=-0.5", Attributes.Of(-0.5))];
}

/// <summary>The gradient of <see cref="LeakyReluOp"/>.</summary>
internal sealed class LeakyReluBackwardOp()
    : ActivationBackwardOp(LeakyReluOp.Instance, "; negative_slope: float = 0.01")
{
    public static readonly LeakyReluBackwardOp Instance = new();

    internal override CpuKernel Cpu => CpuActivations.LeakyReluBackward;
}

/// <summary>The leaky rectified linear unit.</summary>
public static class LeakyReluExtensions
{
    extension(Tensor input)
    {
        /// <summary>input where it is positive, else negativeSlope · input (Maas, Hannun, Ng 2013). The gradient at 0 is negativeSlope.</summary>
        public Tensor LeakyRelu(double negativeSlope = 0.01) =>
            LeakyReluOp.Instance.Apply([input], Attributes.Of(negativeSlope));
    }
}
