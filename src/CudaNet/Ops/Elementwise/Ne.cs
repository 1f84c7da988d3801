namespace CudaNet;

internal sealed class NeOp() : CompareOp("ne")
{
    public static readonly NeOp Instance = new();

    internal override CpuKernel Cpu => CpuElementwise.Ne;

    protected override bool Compare(double a, double b) => a != b;
}

/// <summary>The comparison input ≠ other.</summary>
public static class NeExtensions
{
    extension(Tensor input)
    {
        /// <summary>input ≠ other as bool, broadcast. Shapes must broadcast by NumPy's rule and dtypes be equal.</summary>
        public Tensor Ne(Tensor other) => NeOp.Instance.Apply([input, other]);

        /// <summary>input ≠ number as bool; the number is rounded to a floating dtype, and an integer dtype must hold it.</summary>
        public Tensor Ne(double other) => NeOp.Instance.Apply([input, input.Number(other, "ne")]);
    }
}
