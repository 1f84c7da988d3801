namespace CudaNet;

internal sealed class GeOp() : CompareOp("ge")
{
    public static readonly GeOp Instance = new();

    internal override CpuKernel Cpu => CpuElementwise.Ge;

    protected override bool Compare(double a, double b) => a >= b;
}

/// <summary>The comparison input ≥ other.</summary>
public static class GeExtensions
{
    extension(Tensor input)
    {
        /// <summary>input ≥ other as bool, broadcast. Shapes must broadcast by NumPy's rule and dtypes be equal.</summary>
        public Tensor Ge(Tensor other) => GeOp.Instance.Apply([input, other]);

        /// <summary>input ≥ number as bool; the number is rounded to a floating dtype, and an integer dtype must hold it.</summary>
        public Tensor Ge(double other) => GeOp.Instance.Apply([input, input.Number(other, "ge")]);
    }
}
