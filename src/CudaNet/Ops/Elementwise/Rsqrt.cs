namespace CudaNet;

internal sealed class RsqrtOp() : UnaryOp("rsqrt")
{
    public static readonly RsqrtOp Instance = new();

    protected internal override Saved Saves => Saved.Outputs(0);

    protected override double Evaluate(double x) => 1 / Math.Sqrt(x);

    protected override Tensor GradInput(BackwardCall call, Tensor gradient)
    {
        var y = call.Output();
        return gradient.Mul(y.Mul(y).Mul(y)).Affine(-0.5);
    }

    protected override CaseInput DrawInput(DType dtype, long[] shape) => Draw.Uniform(0.1, 5, shape);
}

/// <summary>Reciprocal square roots.</summary>
public static class RsqrtExtensions
{
    extension(Tensor input)
    {
        /// <summary>1/√input; +∞ at 0, NaN below.</summary>
        public Tensor Rsqrt() => RsqrtOp.Instance.Apply([input]);
    }
}
