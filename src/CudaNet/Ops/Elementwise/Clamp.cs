namespace CudaNet;

internal sealed class ClampOp() : ActivationOp("clamp", "; min: float = -Infinity, max: float = Infinity")
{
    public static readonly ClampOp Instance = new();

    public override double ErrorConstant => 4;

    internal override CpuKernel Cpu => CpuActivations.Clamp;

    protected override ActivationBackwardOp Derivative => ClampBackwardOp.Instance;

    // Where min is above max, everything becomes max.
    public override double Evaluate(double x, Attributes attributes)
    {
        var raised = x < attributes.Float(0) ? attributes.Float(0) : x;
        return raised > attributes.Float(1) ? attributes.Float(1) : raised;
    }

    public override double Slope(double x, Attributes attributes) =>
        x < attributes.Float(0) || x > attributes.Float(1) ? 0 : 1;

    public override Tensor Slope(Tensor x, Attributes attributes) =>
        x.Lt(attributes.Float(0)).LogicalOr(x.Gt(attributes.Float(1))).Eq(0).Cast(x.DType);

    public override IEnumerable<(string Label, Attributes Attributes)> Variants =>
        [
            ("", Attributes.Of(-0.5, 1.25)),
            ("min=0.25", Attributes.Of(0.25, double.PositiveInfinity)),
            ("max=-1", Attributes.Of(double.NegativeInfinity, -1.0)),
            ("min=1,max=-1", Attributes.Of(1.0, -1.0)),
        ];

    // None near a bound.
    public override CaseInput DrawForGradient(long[] shape) => Draw.Away(0.6, 0.9, shape);
}

/// <summary>The gradient of <see cref="ClampOp"/>.</summary>
internal sealed class ClampBackwardOp()
    : ActivationBackwardOp(ClampOp.Instance, "; min: float = -Infinity, max: float = Infinity")
{
    public static readonly ClampBackwardOp Instance = new();

    internal override CpuKernel Cpu => CpuActivations.ClampBackward;
}

/// <summary>Limits to an interval.</summary>
public static class ClampExtensions
{
    extension(Tensor input)
    {
        /// <summary>
        /// min(max(input, min), max); a bound that is not given does not bound, and a NaN stays one. The gradient is 1 inside and at the
        /// bounds, 0 outside. For an integer tensor the bounds must be numbers of its dtype.
        /// </summary>
        public Tensor Clamp(double min = double.NegativeInfinity, double max = double.PositiveInfinity)
        {
            if (input.DType.IsFloating)
                return ClampOp.Instance.Apply([input], Attributes.Of(min, max));
            var raised = double.IsNegativeInfinity(min) ? input : input.Maximum(min);
            return double.IsPositiveInfinity(max) ? raised : raised.Minimum(max);
        }

        /// <summary>min(max(input, min), max) with a bound for each element, broadcast; a bound that is null does not bound.</summary>
        public Tensor Clamp(Tensor? min, Tensor? max)
        {
            var raised = min is null ? input : input.Maximum(min);
            return max is null ? raised : raised.Minimum(max);
        }
    }
}
