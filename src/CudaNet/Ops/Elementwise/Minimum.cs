namespace CudaNet;

internal sealed class MinimumOp() : ExtremumOfTwoOp("minimum")
{
    public static readonly MinimumOp Instance = new();

    internal override CpuKernel Cpu => CpuPointwise.Minimum;

    // Math.Min gives NaN where either operand is.
    protected override double Evaluate(double a, double b) => Math.Min(a, b);

    protected override Tensor Loses(Tensor a, Tensor b) => a.Gt(b);
}

/// <summary>The smaller of two elements.</summary>
public static class MinimumExtensions
{
    extension(Tensor input)
    {
        /// <summary>The smaller of two elements, broadcast; NaN where either is. Of two equal ones each gets half of the gradient.</summary>
        public Tensor Minimum(Tensor other) => MinimumOp.Instance.Apply([input, other]);

        /// <inheritdoc cref="Minimum(Tensor, Tensor)"/>
        public Tensor Minimum(double other) => input.Minimum(input.Number(other, "minimum"));
    }
}
