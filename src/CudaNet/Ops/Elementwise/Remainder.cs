namespace CudaNet;

internal sealed class RemainderOp() : DivisionOp("remainder")
{
    public static readonly RemainderOp Instance = new();

    internal override CpuKernel Cpu => CpuPointwise.Remainder;

    protected internal override Saved Saves => Saved.Inputs(0, 1);

    protected override double Evaluate(double a, double b) => Remainder(a, b);

    protected override Tensor GradInput(BackwardCall call, Tensor gradient) => gradient;

    protected override Tensor GradOther(BackwardCall call, Tensor gradient) =>
        gradient.Mul(call.Input(0).FloorDivide(call.Input(1))).Neg();
}

/// <summary>Remainders of division towards −∞.</summary>
public static class RemainderExtensions
{
    extension(Tensor input)
    {
        /// <summary>input − other · floor(input / other), broadcast: the remainder with the sign of other. Of integers, 0 where other is 0.</summary>
        public Tensor Remainder(Tensor other) => RemainderOp.Instance.Apply([input, other]);

        /// <inheritdoc cref="Remainder(Tensor, Tensor)"/>
        public Tensor Remainder(double other) => input.Remainder(input.Number(other, "remainder"));

        /// <inheritdoc cref="Remainder(Tensor, Tensor)"/>
        public static Tensor operator %(Tensor a, Tensor b) => a.Remainder(b);

        /// <inheritdoc cref="Remainder(Tensor, Tensor)"/>
        public static Tensor operator %(Tensor a, double b) => a.Remainder(b);
    }
}
