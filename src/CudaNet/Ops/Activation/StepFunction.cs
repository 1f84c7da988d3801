namespace CudaNet;

/// <summary>What element-wise ops share that are constant between jumps: the gradient is 0 wherever there is one.</summary>
internal abstract class StepFunctionOp(string name) : UnaryOp(name)
{
    protected override Tensor GradInput(BackwardCall call, Tensor gradient) =>
        Tensor.Zeros(gradient.Shape, gradient.DType, gradient.Device);

    protected override CaseInput DrawInput(DType dtype, long[] shape) =>
        dtype.IsFloating ? Draw.Normal(shape) with { High = 3 } : CaseSizes.Draw(dtype, shape);

    // Between two jumps.
    protected override CaseInput DrawForGradient(long[] shape) => Draw.Away(0.1, 0.4, shape);
}
