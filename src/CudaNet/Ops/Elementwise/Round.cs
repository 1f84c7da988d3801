namespace CudaNet;

internal sealed class RoundOp() : StepFunctionOp("round")
{
    public static readonly RoundOp Instance = new();

    internal override CpuKernel Cpu => CpuPointwise.Round;

    protected override double Evaluate(double x) => Math.Round(x, MidpointRounding.ToEven);
}

/// <summary>Rounding to the nearest whole number.</summary>
public static class RoundExtensions
{
    extension(Tensor input)
    {
        /// <summary>The nearest whole number, of two equally near ones the even one. The gradient is 0.</summary>
        public Tensor Round() => RoundOp.Instance.Apply([input]);
    }
}
