namespace CudaNet;

internal sealed class BitwiseXorOp() : BitwiseOp("bitwise_xor")
{
    public static readonly BitwiseXorOp Instance = new();

    internal override CpuKernel Cpu => CpuPointwise.BitwiseXor;

    protected override long Combine(long a, long b) => a ^ b;
}

/// <summary>The bitwise exclusive or.</summary>
public static class BitwiseXorExtensions
{
    extension(Tensor input)
    {
        /// <summary>input ^ other bit by bit, broadcast; of bool, the logical exclusive or.</summary>
        public Tensor BitwiseXor(Tensor other) => BitwiseXorOp.Instance.Apply([input, other]);

        /// <inheritdoc cref="BitwiseXor(Tensor, Tensor)"/>
        public static Tensor operator ^(Tensor a, Tensor b) => a.BitwiseXor(b);
    }
}
