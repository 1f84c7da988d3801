namespace CudaNet;

internal sealed class GtOp() : CompareOp("gt")
{
    public static readonly GtOp Instance = new();

    internal override CpuKernel Cpu => CpuElementwise.Gt;

    protected override bool Compare(double a, double b) => a > b;
}

/// <summary>The comparison input &gt; other.</summary>
public static class GtExtensions
{
    extension(Tensor input)
    {
        /// <summary>input &gt; other as bool, broadcast. Shapes must broadcast by NumPy's rule and dtypes be equal.</summary>
        public Tensor Gt(Tensor other) => GtOp.Instance.Apply([input, other]);

        /// <summary>input &gt; number as bool; the number is rounded to a floating dtype, and an integer dtype must hold it.</summary>
        public Tensor Gt(double other) => GtOp.Instance.Apply([input, input.Number(other, "gt")]);
    }
}
