namespace CudaNet;

internal sealed class PReluOp() : BinaryOp("prelu", "input, weight -> output")
{
    public static readonly PReluOp Instance = new();

    internal override CpuKernel Cpu => CpuPointwise.PRelu;

    protected internal override Saved Saves => Saved.AllInputs;

    protected override double Evaluate(double a, double b) => a > 0 ? a : a * b;

    protected override Tensor GradInput(BackwardCall call, Tensor gradient) =>
        Tensor.Where(call.Input(0).Gt(0), gradient, gradient.Mul(call.Input(1)));

    protected override Tensor GradOther(BackwardCall call, Tensor gradient) =>
        Tensor.Where(call.Input(0).Gt(0), 0, gradient.Mul(call.Input(0)));

    protected override CaseInput DrawInput(DType dtype, long[] shape) => Draw.Away(0.1, 2, shape);
}

/// <summary>The parametric rectified linear unit.</summary>
public static class PReluExtensions
{
    extension(Tensor input)
    {
        /// <summary>input where it is positive, else weight · input, with learned slopes (He et al. 2015).</summary>
        /// <param name="weight">One slope, or one for each channel, which is the second axis, as in PyTorch.</param>
        /// <exception cref="ShapeException">The number of slopes is neither 1 nor that of the channels.</exception>
        public Tensor PRelu(Tensor weight)
        {
            if (weight.NumElements == 1)
                return PReluOp.Instance.Apply([input, weight.Reshape(Shape.Scalar)]);
            if (weight.Rank != 1 || input.Rank < 2 || weight.NumElements != input.Shape[1])
                throw new ShapeException(
                    $"prelu(input {input.Shape}, weight {weight.Shape}): expected one slope, or one for each element of the input's second axis"
                );
            var shape = new long[input.Rank - 1];
            Array.Fill(shape, 1);
            shape[0] = weight.NumElements;
            return PReluOp.Instance.Apply([input, weight.Reshape(shape)]);
        }
    }
}
