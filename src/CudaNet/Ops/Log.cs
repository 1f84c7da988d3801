namespace CudaNet;

internal sealed class LogOp() : UnaryOp("log")
{
    public static readonly LogOp Instance = new();

    protected internal override Saved Saves => Saved.Inputs(0);

    protected override double Evaluate(double x) => Math.Log(x);

    protected override double Magnitude(double x) => 1 + Math.Abs(Math.Log(x));

    protected override Tensor GradInput(BackwardCall call, Tensor gradient) => gradient.Mul(call.Input(0).Pow(-1));

    protected override CaseInput DrawInput(long[] shape) => Draw.Uniform(0.1, 5, shape);
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
