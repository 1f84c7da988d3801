namespace CudaNet;

internal sealed class HardtanhOp() : ActivationOp("hardtanh", "; min_val: float = -1, max_val: float = 1")
{
    public static readonly HardtanhOp Instance = new();

    internal override CpuKernel Cpu => CpuActivations.Hardtanh;

    protected override ActivationBackwardOp Derivative => HardtanhBackwardOp.Instance;

    public override double ErrorConstant => 4;

    public override void CheckAttributes(Attributes attributes)
    {
        if (!(attributes.Float(0) <= attributes.Float(1)))
            throw new AttributeException(
                $"{Name}: min_val {attributes.Float(0)} must not be above max_val {attributes.Float(1)}"
            );
    }

    public override double Evaluate(double x, Attributes attributes) =>
        x < attributes.Float(0) ? attributes.Float(0)
        : x > attributes.Float(1) ? attributes.Float(1)
        : x;

    public override double Slope(double x, Attributes attributes) =>
        x <= attributes.Float(0) || x >= attributes.Float(1) ? 0 : 1;

    public override Tensor Slope(Tensor x, Attributes attributes) =>
        x.Gt(attributes.Float(0)).LogicalAnd(x.Lt(attributes.Float(1))).Cast(x.DType);

    public override IEnumerable<(string Label, Attributes Attributes)> Variants =>
        [("", Attributes.Of(-1.0, 1.0)), ("min_val=-3,max_val=0.25", Attributes.Of(-3.0, 0.25))];

    // Both sides of 0.25, none near a bound.
    public override CaseInput DrawForGradient(long[] shape) => Draw.Away(0.4, 0.9, shape);
}

/// <summary>The gradient of <see cref="HardtanhOp"/>.</summary>
internal sealed class HardtanhBackwardOp()
    : ActivationBackwardOp(HardtanhOp.Instance, "; min_val: float = -1, max_val: float = 1")
{
    public static readonly HardtanhBackwardOp Instance = new();

    internal override CpuKernel Cpu => CpuActivations.HardtanhBackward;
}

/// <summary>The piecewise linear tanh.</summary>
public static class HardtanhExtensions
{
    extension(Tensor input)
    {
        /// <summary>The input between the bounds, and the bound outside; a NaN stays one. The gradient at a bound is 0.</summary>
        /// <exception cref="AttributeException">minVal is above maxVal.</exception>
        public Tensor Hardtanh(double minVal = -1, double maxVal = 1) =>
            HardtanhOp.Instance.Apply([input], Attributes.Of(minVal, maxVal));

        /// <summary>min(max(input, 0), 6) (Howard et al. 2017).</summary>
        public Tensor Relu6() => input.Hardtanh(0, 6);
    }
}
