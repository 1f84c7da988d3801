namespace CudaNet;

internal sealed class SignOp() : StepFunctionOp("sign")
{
    public static readonly SignOp Instance = new();

    internal override CpuKernel Cpu => CpuPointwise.Sign;

    protected override DType RequireDType(in OpCall call) => CaseSizes.RequireNumber(call);

    protected override IEnumerable<DType> CaseDTypes => CaseSizes.Numbers;

    protected override double Evaluate(double x) => double.IsNaN(x) ? 0 : Math.Sign(x);
}

/// <summary>Signs.</summary>
public static class SignExtensions
{
    extension(Tensor input)
    {
        /// <summary>−1, 0 or 1; of NaN, 0, as in PyTorch. The gradient is 0.</summary>
        public Tensor Sign() => SignOp.Instance.Apply([input]);
    }
}
