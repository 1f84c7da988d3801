namespace CudaNet;

/// <summary>What element-wise ops share that are constant between jumps: the gradient is 0 wherever there is one.</summary>
internal abstract class StepFunctionOp(string name) : UnaryOp(name)
{
    protected override Tensor GradInput(BackwardCall call, Tensor gradient) =>
        Tensor.Zeros(gradient.Shape, gradient.DType, gradient.Device);

    protected override CaseInput DrawInput(DType dtype, long[] shape) =>
        dtype.IsFloating ? Draw.Normal(shape) with { High = 3 } : CaseSizes.Draw(dtype, shape);

    // Jumps lie at whole numbers or halves, and belong to one side.
    public override IEnumerable<OpCase> Cases() =>
        base.Cases()
            .Append(
                new OpCase(
                    this,
                    DType.Float32,
                    "n=67,halves",
                    [new CaseInput([67], DrawKind.Integers, -6, 7) { Map = (_, drawn) => drawn / 2 }]
                )
            );

    // Between two jumps.
    protected override CaseInput DrawForGradient(long[] shape) => Draw.Away(0.1, 0.4, shape);
}
