namespace CudaNet;

internal sealed class RectOp() : StepFunctionOp("rect")
{
    public static readonly RectOp Instance = new();

    internal override CpuKernel Cpu => CpuPointwise.Rect;

    protected override double Evaluate(double x) => x >= 0 && x <= 1 ? 1 : 0;
}

/// <summary>The rectangle function.</summary>
public static class RectExtensions
{
    extension(Tensor input)
    {
        /// <summary>1 from 0 to 1, both included, elsewhere 0 (Prince 2023, problem 3.8). The gradient is 0.</summary>
        public Tensor Rect() => RectOp.Instance.Apply([input]);
    }
}
