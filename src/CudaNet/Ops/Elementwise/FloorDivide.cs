namespace CudaNet;

internal sealed class FloorDivideOp() : DivisionOp("floor_divide")
{
    public static readonly FloorDivideOp Instance = new();

    internal override CpuKernel Cpu => CpuPointwise.FloorDivide;

    // Through the remainder, which is exact: a / b may have been rounded up to the next whole number.
    protected override double Evaluate(double a, double b) => b == 0 ? a / b : Math.Round((a - Remainder(a, b)) / b);

    protected override Tensor GradInput(BackwardCall call, Tensor gradient) =>
        Tensor.Zeros(gradient.Shape, gradient.DType, gradient.Device);

    protected override Tensor GradOther(BackwardCall call, Tensor gradient) => GradInput(call, gradient);
}

/// <summary>Whole quotients.</summary>
public static class FloorDivideExtensions
{
    extension(Tensor input)
    {
        /// <summary>⌊input / other⌋, broadcast. Of integers, 0 where other is 0. The gradient is 0.</summary>
        public Tensor FloorDivide(Tensor other) => FloorDivideOp.Instance.Apply([input, other]);

        /// <inheritdoc cref="FloorDivide(Tensor, Tensor)"/>
        public Tensor FloorDivide(double other) => input.FloorDivide(input.Number(other, "floor_divide"));
    }
}
