namespace CudaNet;

internal sealed class FloorOp() : StepFunctionOp("floor")
{
    public static readonly FloorOp Instance = new();

    internal override CpuKernel Cpu => CpuPointwise.Floor;

    protected override double Evaluate(double x) => Math.Floor(x);
}

/// <summary>Rounding down.</summary>
public static class FloorExtensions
{
    extension(Tensor input)
    {
        /// <summary>The largest whole number that is not greater. The gradient is 0.</summary>
        public Tensor Floor() => FloorOp.Instance.Apply([input]);
    }
}
