namespace CudaNet;

internal sealed class PowOp() : BinaryOp("pow", "input, exponent -> output")
{
    public static readonly PowOp Instance = new();

    internal override CpuKernel Cpu => CpuElementwise.Pow;

    protected internal override Saved Saves => Saved.AllInputs.AndOutputs(0);

    protected override double Evaluate(double a, double b) => Math.Pow(a, b);

    // |∂(aᵇ)| in terms of rounding inside exp(b·log a): the relative error grows with |b·log a|.
    protected override double Magnitude(double a, double b) =>
        Math.Abs(Math.Pow(a, b)) * (1 + (a == 0 ? 0 : Math.Abs(b * Math.Log(Math.Abs(a)))));

    protected override Tensor GradInput(BackwardCall call, Tensor gradient)
    {
        // Where the exponent is 0 the gradient is 0; with exponent − 1 it would be 0·∞ at a base of 0.
        var exponent = call.Input(1);
        var lower = Tensor.Where(exponent.Eq(0), 1, exponent.Affine(1, -1));
        return gradient.Mul(exponent).Mul(call.Input(0).Pow(lower));
    }

    protected override Tensor GradOther(BackwardCall call, Tensor gradient)
    {
        // 0ᵇ·ln 0 tends to 0; as a product it would be 0·∞.
        var input = call.Input(0);
        return gradient.Mul(call.Output()).Mul(Tensor.Where(input.Eq(0), 1, input).Log());
    }

    protected override CaseInput DrawInput(DType dtype, long[] shape) => Draw.Uniform(0.5, 2, shape);

    protected override CaseInput DrawOther(DType dtype, long[] shape) => Draw.Uniform(-2, 2, shape);
}

/// <summary>Powers.</summary>
public static class PowExtensions
{
    extension(Tensor input)
    {
        /// <summary>input^exponent, broadcast. A negative base with a fractional exponent gives NaN.</summary>
        public Tensor Pow(Tensor exponent) => PowOp.Instance.Apply([input, exponent]);

        /// <summary>input^exponent.</summary>
        public Tensor Pow(double exponent) => input.Pow(Tensor.Full(Shape.Scalar, exponent, input.DType, input.Device));
    }
}
