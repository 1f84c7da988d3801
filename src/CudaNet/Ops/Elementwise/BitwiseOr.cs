namespace CudaNet;

internal sealed class BitwiseOrOp() : BitwiseOp("bitwise_or")
{
    public static readonly BitwiseOrOp Instance = new();

    internal override CpuKernel Cpu => CpuPointwise.BitwiseOr;

    protected override long Combine(long a, long b) => a | b;
}

/// <summary>The bitwise or.</summary>
public static class BitwiseOrExtensions
{
    extension(Tensor input)
    {
        /// <summary>input | other bit by bit, broadcast; of bool, the logical or.</summary>
        public Tensor BitwiseOr(Tensor other) => BitwiseOrOp.Instance.Apply([input, other]);

        /// <inheritdoc cref="BitwiseOr(Tensor, Tensor)"/>
        public static Tensor operator |(Tensor a, Tensor b) => a.BitwiseOr(b);
    }
}
