namespace CudaNet;

internal sealed class SquareOp() : UnaryOp("square")
{
    public static readonly SquareOp Instance = new();

    internal override CpuKernel Cpu => CpuPointwise.Square;

    protected internal override Saved Saves => Saved.Inputs(0);

    protected override DType RequireDType(in OpCall call) => CaseSizes.RequireNumber(call);

    protected override IEnumerable<DType> CaseDTypes => CaseSizes.Numbers;

    protected override double Evaluate(double x) => x * x;

    protected override Tensor GradInput(BackwardCall call, Tensor gradient) => gradient.Mul(call.Input(0)).Affine(2);

    // The squares of all of them are numbers of every dtype.
    protected override CaseInput DrawInput(DType dtype, long[] shape) =>
        dtype.IsFloating
            ? Draw.Normal(shape)
            : new CaseInput(shape, DrawKind.Integers, dtype == DType.UInt8 ? 0 : -15, 16);
}

/// <summary>Squares.</summary>
public static class SquareExtensions
{
    extension(Tensor input)
    {
        /// <summary>input²; integers wrap.</summary>
        public Tensor Square() => SquareOp.Instance.Apply([input]);
    }
}
