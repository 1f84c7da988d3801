namespace CudaNet;

internal sealed class LogicalXorOp() : CompareOp("logical_xor")
{
    public static readonly LogicalXorOp Instance = new();

    internal override CpuKernel Cpu => CpuPointwise.LogicalXor;

    protected override bool Compare(double a, double b) => (a != 0) != (b != 0);
}

/// <summary>The logical exclusive or.</summary>
public static class LogicalXorExtensions
{
    extension(Tensor input)
    {
        /// <summary>Whether one element of the two is, and only one, not 0, as bool, broadcast; NaN is not 0.</summary>
        public Tensor LogicalXor(Tensor other) => LogicalXorOp.Instance.Apply([input, other]);
    }
}
