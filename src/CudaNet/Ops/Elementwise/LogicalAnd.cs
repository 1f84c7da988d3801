namespace CudaNet;

internal sealed class LogicalAndOp() : CompareOp("logical_and")
{
    public static readonly LogicalAndOp Instance = new();

    internal override CpuKernel Cpu => CpuPointwise.LogicalAnd;

    protected override bool Compare(double a, double b) => a != 0 && b != 0;
}

/// <summary>The logical and.</summary>
public static class LogicalAndExtensions
{
    extension(Tensor input)
    {
        /// <summary>Whether both elements are not 0, as bool, broadcast; NaN is not 0.</summary>
        public Tensor LogicalAnd(Tensor other) => LogicalAndOp.Instance.Apply([input, other]);
    }
}
