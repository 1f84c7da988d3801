namespace CudaNet;

internal sealed class LogOp() : UnaryOp("log")
{
    public static readonly LogOp Instance = new();

    internal override CpuKernel Cpu => CpuElementwise.Log;

    protected internal override Saved Saves => Saved.Inputs(0);

    // A polynomial's last few operations, each rounded once, where a correctly rounded function would be several times slower.
    public override double ErrorConstant => 8;

    protected override double Evaluate(double x) => Math.Log(x);

    protected override Tensor GradInput(BackwardCall call, Tensor gradient) => gradient.Div(call.Input(0));

    protected override CaseInput DrawInput(DType dtype, long[] shape) => Draw.Uniform(0.1, 5, shape);
}

/// <summary>The natural logarithm.</summary>
public static class LogExtensions
{
    extension(Tensor input)
    {
        /// <summary>ln(input); −∞ at 0, NaN below.</summary>
        public Tensor Log() => LogOp.Instance.Apply([input]);
    }
}
