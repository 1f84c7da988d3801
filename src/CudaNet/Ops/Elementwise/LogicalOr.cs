namespace CudaNet;

internal sealed class LogicalOrOp() : CompareOp("logical_or")
{
    public static readonly LogicalOrOp Instance = new();

    internal override CpuKernel Cpu => CpuPointwise.LogicalOr;

    protected override bool Compare(double a, double b) => a != 0 || b != 0;
}

/// <summary>The logical or.</summary>
public static class LogicalOrExtensions
{
    extension(Tensor input)
    {
        /// <summary>Whether an element of the two is not 0, as bool, broadcast; NaN is not 0.</summary>
        public Tensor LogicalOr(Tensor other) => LogicalOrOp.Instance.Apply([input, other]);
    }
}
