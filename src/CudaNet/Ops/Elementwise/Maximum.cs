namespace CudaNet;

internal sealed class MaximumOp() : ExtremumOfTwoOp("maximum")
{
    public static readonly MaximumOp Instance = new();

    internal override CpuKernel Cpu => CpuPointwise.Maximum;

    // Math.Max gives NaN where either operand is.
    protected override double Evaluate(double a, double b) => Math.Max(a, b);

    protected override Tensor Loses(Tensor a, Tensor b) => a.Lt(b);
}

/// <summary>The larger of two elements.</summary>
public static class MaximumExtensions
{
    extension(Tensor input)
    {
        /// <summary>The larger of two elements, broadcast; NaN where either is. Of two equal ones each gets half of the gradient.</summary>
        public Tensor Maximum(Tensor other) => MaximumOp.Instance.Apply([input, other]);

        /// <inheritdoc cref="Maximum(Tensor, Tensor)"/>
        public Tensor Maximum(double other) => input.Maximum(input.Number(other, "maximum"));
    }
}
