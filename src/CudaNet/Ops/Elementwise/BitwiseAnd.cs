namespace CudaNet;

internal sealed class BitwiseAndOp() : BitwiseOp("bitwise_and")
{
    public static readonly BitwiseAndOp Instance = new();

    internal override CpuKernel Cpu => CpuPointwise.BitwiseAnd;

    protected override long Combine(long a, long b) => a & b;
}

/// <summary>The bitwise and.</summary>
public static class BitwiseAndExtensions
{
    extension(Tensor input)
    {
        /// <summary>input &amp; other bit by bit, broadcast; of bool, the logical and.</summary>
        public Tensor BitwiseAnd(Tensor other) => BitwiseAndOp.Instance.Apply([input, other]);

        /// <inheritdoc cref="BitwiseAnd(Tensor, Tensor)"/>
        public static Tensor operator &(Tensor a, Tensor b) => a.BitwiseAnd(b);
    }
}
