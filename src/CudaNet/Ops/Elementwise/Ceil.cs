namespace CudaNet;

internal sealed class CeilOp() : StepFunctionOp("ceil")
{
    public static readonly CeilOp Instance = new();

    internal override CpuKernel Cpu => CpuPointwise.Ceil;

    protected override double Evaluate(double x) => Math.Ceiling(x);
}

/// <summary>Rounding up.</summary>
public static class CeilExtensions
{
    extension(Tensor input)
    {
        /// <summary>The smallest whole number that is not less. The gradient is 0.</summary>
        public Tensor Ceil() => CeilOp.Instance.Apply([input]);
    }
}
