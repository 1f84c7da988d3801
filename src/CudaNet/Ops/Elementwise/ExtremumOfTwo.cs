namespace CudaNet;

/// <summary>What maximum and minimum share: the chosen operand gets the gradient, and of two equal ones each gets half, as in PyTorch.</summary>
internal abstract class ExtremumOfTwoOp(string name) : BinaryOp(name)
{
    protected internal override Saved Saves => Saved.AllInputs;

    protected override DType RequireDType(in OpCall call) => call.RequireSameDType();

    protected override IEnumerable<DType> CaseDTypes => DTypes.All;

    /// <summary>Whether the first operand loses against the second, as bool.</summary>
    protected abstract Tensor Loses(Tensor a, Tensor b);

    protected override Tensor GradInput(BackwardCall call, Tensor gradient) =>
        Share(gradient, call.Input(0), call.Input(1));

    protected override Tensor GradOther(BackwardCall call, Tensor gradient) =>
        Share(gradient, call.Input(1), call.Input(0));

    private Tensor Share(Tensor gradient, Tensor own, Tensor other) =>
        Tensor.Where(Loses(own, other), 0, Tensor.Where(own.Eq(other), gradient.Affine(0.5), gradient));
}
