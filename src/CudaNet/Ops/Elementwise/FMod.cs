namespace CudaNet;

internal sealed class FModOp() : DivisionOp("fmod")
{
    public static readonly FModOp Instance = new();

    internal override CpuKernel Cpu => CpuPointwise.FMod;

    protected internal override Saved Saves => Saved.Inputs(0, 1).AndOutputs(0);

    protected override double Evaluate(double a, double b) => a % b;

    protected override Tensor GradInput(BackwardCall call, Tensor gradient) => gradient;

    // −trunc(a / b), as a whole number.
    protected override Tensor GradOther(BackwardCall call, Tensor gradient) =>
        gradient.Mul(call.Input(0).Sub(call.Output()).Div(call.Input(1)).Round()).Neg();
}

/// <summary>Remainders of division towards zero.</summary>
public static class FModExtensions
{
    extension(Tensor input)
    {
        /// <summary>input − other · trunc(input / other), broadcast: the remainder with the sign of input. Of integers, 0 where other is 0.</summary>
        public Tensor FMod(Tensor other) => FModOp.Instance.Apply([input, other]);

        /// <inheritdoc cref="FMod(Tensor, Tensor)"/>
        public Tensor FMod(double other) => input.FMod(input.Number(other, "fmod"));
    }
}
