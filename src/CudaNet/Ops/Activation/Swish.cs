namespace CudaNet;

internal sealed class SwishOp() : BinaryOp("swish", "input, beta -> output")
{
    public static readonly SwishOp Instance = new();

    internal override CpuKernel Cpu => CpuPointwise.Swish;

    protected internal override Saved Saves => Saved.AllInputs;

    public override double ErrorConstant => 8;

    protected override double Evaluate(double a, double b) => a * SpecialFunctions.Sigmoid(a * b);

    // With what rounding the product does to the exponential.
    protected override double Magnitude(double a, double b) => Math.Abs(Evaluate(a, b)) * (1 + Math.Abs(a * b));

    protected override Tensor GradInput(BackwardCall call, Tensor gradient)
    {
        var product = call.Input(0).Mul(call.Input(1));
        var s = product.Sigmoid();
        return gradient.Mul(s.Add(product.Mul(s).Mul(s.Affine(-1, 1))));
    }

    protected override Tensor GradOther(BackwardCall call, Tensor gradient)
    {
        var s = call.Input(0).Mul(call.Input(1)).Sigmoid();
        return gradient.Mul(call.Input(0).Square()).Mul(s).Mul(s.Affine(-1, 1));
    }
}

/// <summary>Swish.</summary>
public static class SwishExtensions
{
    extension(Tensor input)
    {
        /// <summary>input · σ(beta · input), broadcast, with a learnable beta (Ramachandran, Zoph, Le 2017); with β = 1 it is <c>Silu</c>.</summary>
        public Tensor Swish(Tensor beta) => SwishOp.Instance.Apply([input, beta]);
    }
}
