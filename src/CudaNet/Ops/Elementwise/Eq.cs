namespace CudaNet;

internal sealed class EqOp() : CompareOp("eq")
{
    public static readonly EqOp Instance = new();

    internal override CpuKernel Cpu => CpuElementwise.Eq;

    protected override bool Compare(double a, double b) => a == b;
}

/// <summary>The comparison input = other.</summary>
public static class EqExtensions
{
    extension(Tensor input)
    {
        /// <summary>input = other as bool, broadcast. Shapes must broadcast by NumPy's rule and dtypes be equal.</summary>
        public Tensor Eq(Tensor other) => EqOp.Instance.Apply([input, other]);

        /// <summary>input = number as bool; the number is rounded to a floating dtype, and an integer dtype must hold it.</summary>
        public Tensor Eq(double other) => EqOp.Instance.Apply([input, input.Number(other, "eq")]);
    }
}
