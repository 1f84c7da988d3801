namespace CudaNet;

internal sealed class HeavisideOp() : BinaryOp("heaviside", "input, values -> output")
{
    public static readonly HeavisideOp Instance = new();

    internal override CpuKernel Cpu => CpuPointwise.Heaviside;

    protected internal override Saved Saves => Saved.Inputs(0);

    // As in PyTorch, NaN is not above 0.
    protected override double Evaluate(double a, double b) =>
        a == 0 ? b
        : a > 0 ? 1
        : 0;

    protected override Tensor GradInput(BackwardCall call, Tensor gradient) =>
        Tensor.Zeros(gradient.Shape, gradient.DType, gradient.Device);

    protected override Tensor GradOther(BackwardCall call, Tensor gradient) =>
        Tensor.Where(call.Input(0).Eq(0), gradient, 0);

    // Zeros among them.
    protected override CaseInput DrawInput(DType dtype, long[] shape) => new(shape, DrawKind.Integers, -1, 2);

    protected override CaseInput[] DrawForGradient(long[] input, long[] other) =>
        [DrawInput(DType.Float64, input) with { Differentiate = false }, Draw.Normal(other)];
}

/// <summary>The step function.</summary>
public static class HeavisideExtensions
{
    extension(Tensor input)
    {
        /// <summary>The step function: 0 below 0, 1 above, and at 0 <paramref name="values"/>, broadcast. The gradient with respect to the input is 0.</summary>
        public Tensor Heaviside(Tensor values) => HeavisideOp.Instance.Apply([input, values]);

        /// <inheritdoc cref="Heaviside(Tensor, Tensor)"/>
        public Tensor Heaviside(double values = 1) => input.Heaviside(input.Number(values, "heaviside"));
    }
}
