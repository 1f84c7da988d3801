namespace CudaNet;

internal sealed class LtOp() : CompareOp("lt")
{
    public static readonly LtOp Instance = new();

    internal override CpuKernel Cpu => CpuElementwise.Lt;

    protected override bool Compare(double a, double b) => a < b;
}

/// <summary>The comparison input &lt; other.</summary>
public static class LtExtensions
{
    extension(Tensor input)
    {
        /// <summary>input &lt; other as bool, broadcast. Shapes must broadcast by NumPy's rule and dtypes be equal.</summary>
        public Tensor Lt(Tensor other) => LtOp.Instance.Apply([input, other]);

        /// <summary>input &lt; number as bool; the number is rounded to a floating dtype, and an integer dtype must hold it.</summary>
        public Tensor Lt(double other) => LtOp.Instance.Apply([input, input.Number(other, "lt")]);
    }
}
