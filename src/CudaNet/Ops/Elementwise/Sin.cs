namespace CudaNet;

internal sealed class SinOp() : UnaryOp("sin")
{
    public static readonly SinOp Instance = new();

    internal override CpuKernel Cpu => CpuElementwise.Sin;

    protected internal override Saved Saves => Saved.Inputs(0);

    protected override double Evaluate(double x) => Math.Sin(x);

    protected override Tensor GradInput(BackwardCall call, Tensor gradient) => gradient.Mul(call.Input(0).Cos());
}

/// <summary>The sine.</summary>
public static class SinExtensions
{
    extension(Tensor input)
    {
        /// <summary>sin(input), in radians; NaN at ±∞.</summary>
        public Tensor Sin() => SinOp.Instance.Apply([input]);
    }
}
