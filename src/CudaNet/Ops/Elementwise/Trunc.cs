namespace CudaNet;

internal sealed class TruncOp() : StepFunctionOp("trunc")
{
    public static readonly TruncOp Instance = new();

    internal override CpuKernel Cpu => CpuPointwise.Trunc;

    protected override double Evaluate(double x) => Math.Truncate(x);
}

/// <summary>Rounding towards zero.</summary>
public static class TruncExtensions
{
    extension(Tensor input)
    {
        /// <summary>The whole part: the fraction is cut off. The gradient is 0.</summary>
        public Tensor Trunc() => TruncOp.Instance.Apply([input]);
    }
}
