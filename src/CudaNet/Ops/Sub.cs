namespace CudaNet;

internal sealed class SubOp() : BinaryOp("sub")
{
    public static readonly SubOp Instance = new();

    protected override DType RequireDType(in OpCall call) => call.RequireSameDType();

    protected override double Evaluate(double a, double b) => a - b;

    protected override double Magnitude(double a, double b) => Math.Abs(a) + Math.Abs(b);

    protected override Tensor GradInput(BackwardCall call, Tensor gradient) => gradient;

    protected override Tensor GradOther(BackwardCall call, Tensor gradient) => gradient.Affine(-1);
}

/// <summary>Subtraction.</summary>
public static class SubExtensions
{
    extension(Tensor input)
    {
        /// <summary>input − other, broadcast. Shapes must broadcast by NumPy's rule and dtypes be equal.</summary>
        public Tensor Sub(Tensor other) => SubOp.Instance.Apply([input, other]);

        /// <inheritdoc cref="Sub"/>
        public static Tensor operator -(Tensor a, Tensor b) => SubOp.Instance.Apply([a, b]);
    }
}
